/**
 * Where nodes of a derivation are: the graph itself, or the body of a region of it.
 */
import type { Builder } from "../../ir/builder.js";
import type { Node, NodeOf } from "../../ir/graph.js";
import type { BoundsOf } from "./bounds.js";
import { createBounds } from "./bounds.js";
import type { DependenceOf } from "./dependence.js";
import { bodyDependence, carriedDependence, createDependence } from "./dependence.js";
import type { FactsOf } from "./facts.js";
import { createFacts } from "./facts.js";
import type { CacheInfo } from "./graphs.js";
import { timeAxes } from "./modes.js";
import type { Plan, Readings } from "./plan.js";

/** One derivation: what holds for all frames, and what grows while it is made. */
export interface Derivation {
  readonly b: Builder;
  /** The symbol of the length that grows, and what the user calls the axis. */
  readonly time: string;
  readonly axis: string;
  readonly batch: string;
  readonly plan: Plan;
  readonly readings: Readings;
  readonly caches: Kept[];
  readonly names: Set<string>;
  /** The values of caches of regions after a step, as stacks, by the cache's id. */
  readonly stacks: Map<string, Node>;
  /** Which results of each region are asked for, from outside of it. */
  readonly wanted: ReadonlyMap<Node, readonly number[]>;
}

/** A cache: what it holds, and its value after the new rows are written. */
export interface Kept {
  readonly info: CacheInfo;
  readonly id: string;
  readonly frame: Frame;
  readonly node: Node;
  /** The cache as a leaf of the step graph, a stack where it is a region's. */
  readonly leaf: Node;
  /** In its frame: the cache with what is new; for a source what `encode` left there. */
  readonly value: Node;
}

export interface Frame {
  readonly d: Derivation;
  readonly id: string;
  readonly dependence: DependenceOf;
  readonly bounds: BoundsOf;
  readonly facts: FactsOf;
  /** What was made of each node in each mode. */
  readonly made: Map<string, Node>;
  readonly kept: Map<string, Kept>;
  readonly regions: Map<Node, readonly (Node | undefined)[]>;
  readonly body: Body | undefined;
}

/** What the region made for the steps consists of so far, in the order in which it was asked for. */
export interface Body {
  readonly outer: Frame;
  readonly region: NodeOf<"repeat">;
  /** Which carried values of the region there are. */
  readonly carries: number[];
  readonly slices: Node[];
  readonly fixed: Node[];
}

export function topFrame(d: Derivation, leaf: Parameters<typeof createDependence>[0]): Frame {
  const bounds = createBounds(() => undefined);
  const times = (node: Node): readonly number[] => timeAxes(node.shape, d.time);
  const facts = createFacts({ bounds, times, ofInput: () => undefined });
  return { ...empty(d), id: "", dependence: createDependence(leaf), bounds, facts, body: undefined };
}

export function bodyFrame(outer: Frame, region: NodeOf<"repeat">): Frame {
  const { d } = outer;
  const operand = (node: Node): Node | undefined =>
    node.op === "input" && node.attributes.kind === "fixed" ? fixedOperand(region, node) : undefined;
  const bounds = createBounds((node) => {
    const outside = operand(node);
    return outside && outer.bounds(outside);
  });
  const facts = createFacts({
    bounds,
    times: (node) => timeAxes(node.shape, d.time),
    ofInput: (node, aim) => {
      const outside = operand(node);
      return outside && outer.facts(outside, aim);
    },
  });
  const dependence = bodyDependence(region, outer.dependence, carriedDependence(region, outer.dependence));
  const body: Body = { outer, region, carries: [], slices: [], fixed: [] };
  return { ...empty(d), id: `${outer.id}${region.key}/`, dependence, bounds, facts, body };
}

const empty = (d: Derivation) => ({
  d,
  made: new Map<string, Node>(),
  kept: new Map<string, Kept>(),
  regions: new Map<Node, readonly (Node | undefined)[]>(),
});

export const inputIndex = ({ attributes: { name } }: NodeOf<"input">): number =>
  Number(name.slice(name.indexOf(".") + 1));

/** What an input of a region's body stands for. */
export const fixedOperand = ({ inputs, attributes }: NodeOf<"repeat">, input: NodeOf<"input">): Node =>
  inputs[attributes.carries + attributes.slices + inputIndex(input)]!;
export const stackOperand = ({ inputs, attributes }: NodeOf<"repeat">, input: NodeOf<"input">): Node =>
  inputs[attributes.carries + inputIndex(input)]!;

/** The number of an operand of the region that is being made, which it gets where it is not there yet. */
export function numbered<T>(list: T[], item: T): number {
  const at = list.indexOf(item);
  return at >= 0 ? at : list.push(item) - 1;
}
