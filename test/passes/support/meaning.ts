/** Whether two graphs mean the same: on random leaves, to the rounding error that each can have. */
import type { Graph, Node } from "../../../compiler/ir/graph.js";
import { interpret } from "../../../compiler/ir/interpret.js";
import { f64 } from "../../../compiler/ir/numbers/f64.js";
import type { Numbers, Tensor } from "../../../compiler/ir/numbers/scalar.js";
import { topological } from "../../../compiler/ir/rewrite.js";
import { evaluateSize } from "../../../compiler/ir/shape.js";
import type { Bounded } from "./bounded.js";
import { bounded, Undecided } from "./bounded.js";
import type { Random } from "./random.js";
import { randomNumber } from "./random.js";

/** Lengths that are different from each other and from most constants. */
export const lengths: Readonly<Record<string, number>> = { B: 2, T: 5, S: 3, P: 1 };

export type Leaves = Readonly<
  Record<string, { readonly sizes: readonly number[]; readonly values: readonly number[] }>
>;

const isLeaf = (node: Node): node is Extract<Node, { op: "input" }> =>
  node.op === "input" && !["carry", "slice", "fixed", "turn"].includes(node.attributes.kind);

/** Values for every leaf of `graph`, bodies included. */
export function randomLeaves(graph: Graph, random: Random): Leaves {
  const leaves: Record<string, { sizes: readonly number[]; values: readonly number[] }> = {};
  const visit = (one: Graph): void => {
    for (const node of topological(one)) {
      if (node.op === "repeat" || node.op === "fused") visit(node.attributes.body);
      if (!isLeaf(node) || leaves[node.attributes.name]) continue;
      const sizes = node.shape.map((axis) => evaluateSize(axis.size, lengths));
      const count = sizes.reduce((all, size) => all * size, 1);
      leaves[node.attributes.name] = {
        sizes,
        values: Array.from({ length: count }, () => value(node, random)),
      };
    }
  };
  visit(graph);
  return leaves;
}

/** Cancelling values on purpose: multiples of 1/8, some of them equal. Names say what a leaf may hold. */
function value(node: Node, random: Random): number {
  const positive = node.op === "input" && node.attributes.name.startsWith("positive");
  if (node.dtype === "i32") return randomNumber(random, positive ? 1 : 0, 3);
  if (node.dtype === "bool") return randomNumber(random, 0, 1);
  return positive ? randomNumber(random, 3, 16) / 8 : randomNumber(random, -12, 12) / 8;
}

export function evaluate<T>(graph: Graph, m: Numbers<T>, leaves: Leaves): Record<string, Tensor<T>> {
  const inputs = Object.fromEntries(
    Object.entries(leaves).map(([name, { sizes, values }]) => {
      const data = m.allocate(values.length);
      values.forEach((number, n) => {
        data[n] = m.of(number);
      });
      return [name, { sizes, data }];
    }),
  );
  return interpret(graph, m, { inputs, lengths });
}

/** A graph on these leaves, computed once. */
export interface Meaning {
  readonly graph: Graph;
  readonly leaves: Leaves;
  readonly values: Record<string, Tensor<number>>;
}

export const meaningOf = (graph: Graph, leaves: Leaves): Meaning => ({
  graph,
  leaves,
  values: evaluate(graph, f64, leaves),
});

/** The first difference of two graphs on the same leaves, or undefined. `undecided`: rounding decides a comparison. */
export function differs(before: Meaning, after: Meaning): string | undefined | "undecided" {
  const [x, y] = [before.values, after.values];
  for (const name of Object.keys(x)) {
    if (!y[name]) return `${name} is missing`;
    if (x[name]!.sizes.join() !== y[name].sizes.join())
      return `${name}: [${x[name]!.sizes}] became [${y[name].sizes}]`;
  }
  const isNear = (p: number, q: number): boolean => Math.abs(p - q) <= 1e-13 * Math.max(1, Math.abs(p));
  const near = Object.keys(x).every((name) => {
    const [p, q] = [x[name]!.data, y[name]!.data];
    for (let n = 0; n < p.length; n++) if (!isNear(p[n]!, q[n]!)) return false;
    return true;
  });
  return near ? undefined : boundedDifference(before.graph, after.graph, before.leaves);
}

export const difference = (before: Graph, after: Graph, leaves: Leaves): string | undefined | "undecided" =>
  differs(meaningOf(before, leaves), meaningOf(after, leaves));

function boundedDifference(before: Graph, after: Graph, leaves: Leaves): string | undefined {
  let x: Record<string, Tensor<Bounded>>;
  let y: Record<string, Tensor<Bounded>>;
  try {
    [x, y] = [evaluate(before, bounded, leaves), evaluate(after, bounded, leaves)];
  } catch (error) {
    if (error instanceof Undecided) return "undecided";
    throw error;
  }
  for (const name of Object.keys(x))
    for (let n = 0; n < x[name]!.data.length; n++) {
      const [p, q] = [x[name]!.data[n]!, y[name]!.data[n]!];
      // Where the left side is no number, an identity promises nothing.
      if (!Number.isFinite(p.v) || !Number.isFinite(p.e)) continue;
      if (!(Math.abs(p.v - q.v) <= p.e + q.e)) return `${name}[${n}]: ${p.v} ± ${p.e} became ${q.v} ± ${q.e}`;
    }
  return undefined;
}
