/**
 * What a value depends on: the text that grows, other inputs (the source), the turn of the region it is in.
 *
 *   contract(memory, wk)   in a decoder's layer   →   { grows: false, source: true, varies: true }
 */
import type { Node, NodeOf } from "../../ir/graph.js";
import { topological } from "../../ir/rewrite.js";

export interface Dependence {
  readonly grows: boolean;
  readonly source: boolean;
  /** From turn to turn of the region whose body it is in. */
  readonly varies: boolean;
}

export type DependenceOf = (node: Node) => Dependence;

export const independent: Dependence = { grows: false, source: false, varies: false };

export const join = (x: Dependence, y: Dependence): Dependence => ({
  grows: x.grows || y.grows,
  source: x.source || y.source,
  varies: x.varies || y.varies,
});

const same = (x: Dependence, y: Dependence): boolean =>
  x.grows === y.grows && x.source === y.source && x.varies === y.varies;

/** `leaf` says it of inputs; regions are looked into. */
export function createDependence(leaf: (input: NodeOf<"input">) => Dependence): DependenceOf {
  const known = new Map<Node, Dependence>();
  const regions = new Map<Node, readonly Dependence[]>();
  const of: DependenceOf = (node) => {
    const found = known.get(node);
    if (found) return found;
    const made = dependenceOf(node);
    known.set(node, made);
    return made;
  };
  const dependenceOf = (node: Node): Dependence => {
    if (node.op === "input") return leaf(node);
    if (node.op !== "get") return node.inputs.map(of).reduce(join, independent);
    const region = node.inputs[0]!;
    if (region.op !== "repeat") return of(region);
    const results = regions.get(region) ?? regionDependence(region, of);
    regions.set(region, results);
    return results[node.attributes.index]!;
  };
  return of;
}

/** Of each output of a region, as those outside see it. */
function regionDependence(region: NodeOf<"repeat">, of: DependenceOf): readonly Dependence[] {
  const { carries } = region.attributes;
  // A region inside another one: what it is given may vary from turn to turn outside.
  const varies = region.inputs.some((input) => of(input).varies);
  let carried: readonly Dependence[] = region.inputs.slice(0, carries).map(of);
  for (;;) {
    const inside = bodyDependence(region, of, carried);
    const outputs = region.attributes.body.outputs.map(({ node }) => ({ ...inside(node), varies }));
    const next = carried.map((before, n) => join(before, outputs[n]!));
    const results = outputs.map((output, n) => (n < carries ? join(output, carried[n]!) : output));
    if (next.every((after, n) => same(after, carried[n]!))) return results;
    carried = next;
  }
}

/** Of the nodes of a region's body. */
export function bodyDependence(
  region: NodeOf<"repeat">,
  of: DependenceOf,
  carried: readonly Dependence[],
): DependenceOf {
  const { carries, slices, body } = region.attributes;
  const inside = createDependence((input) => {
    const { kind, name } = input.attributes;
    const index = Number(name.slice(name.indexOf(".") + 1));
    if (kind === "carry") return { ...carried[index]!, varies: true };
    if (kind === "slice") return { ...of(region.inputs[carries + index]!), varies: true };
    if (kind === "turn") return { ...independent, varies: true };
    return kind === "fixed" ? of(region.inputs[carries + slices + index]!) : independent;
  });
  // Operands before users, so that no question is deep.
  for (const node of topological(body)) inside(node);
  return inside;
}

/** Of a region's carried values, all turns together. */
export const carriedDependence = (region: NodeOf<"repeat">, of: DependenceOf): readonly Dependence[] =>
  regionDependence(region, of).slice(0, region.attributes.carries);
