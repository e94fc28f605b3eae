/**
 * Weights of a contraction, taken apart.
 *
 * ```
 * softmax(s, m)                                      →   softmax of s where m
 * mul(softmax(s, m), broadcast(sigmoid(logsumexp(s, m))))   →   the same, and post = a · sigmoid(l)
 * select(m, div(s, broadcast(select(t == 0, 1, t))), 0), t = Σ_j select(m, s, 0)   →   l1 of s where m
 * select(m, s, 0)                                    →   s itself where m
 * ```
 */
import type { Graph, Node } from "../../ir/graph.js";
import { splatValue } from "../nodes.js";
import { isOp } from "../rule.js";
import type { Labelled } from "./axes.js";
import type { Reading } from "./formula.js";
import { argumentsOf, readFormula, scalar } from "./formula.js";

export interface Weights {
  readonly kind: "softmax" | "l1" | "identity";
  readonly scores: Labelled;
  readonly mask: Labelled | undefined;
  /** What stands between the weights and their reader. */
  readonly post: Graph | undefined;
}

type Core = Omit<Weights, "post">;

/** Weights that know of their row: a softmax or l1 over the columns. */
function coreOf({ x, labels }: Labelled, column: string): Core | undefined {
  if (isOp(x, "softmax")) {
    if (labels[x.attributes.axis] !== column) return undefined;
    const [scores, mask] = x.inputs as readonly [Node, Node?];
    return { kind: "softmax", scores: { x: scores, labels }, mask: mask && { x: mask, labels } };
  }
  const { kept, mask } = keptBy(x);
  const whole = isOp(kept, "div") ? wholeOf(kept.inputs[1]!, labels.indexOf(column)) : undefined;
  const scores = isOp(kept, "div") ? kept.inputs[0]! : undefined;
  if (!whole || !scores) return undefined;
  const summed = keptBy(whole);
  if (summed.kept.key !== scores.key || summed.mask?.key !== mask?.key) return undefined;
  return { kind: "l1", scores: { x: scores, labels }, mask: mask && { x: mask, labels } };
}

/** select(mask, kept, 0) */
function keptBy(x: Node): { readonly kept: Node; readonly mask: Node | undefined } {
  const isKept = isOp(x, "select") && splatValue(x.inputs[2]!) === 0;
  return isKept ? { kept: x.inputs[1]!, mask: x.inputs[0]! } : { kept: x, mask: undefined };
}

/** broadcast(select(t == 0, 1, t)) along the columns, t = Σ x over them: x. */
function wholeOf(x: Node, axis: number): Node | undefined {
  if (!isOp(x, "broadcast") || x.attributes.from[axis] !== -1) return undefined;
  const guarded = x.inputs[0]!;
  if (!isOp(guarded, "select") || splatValue(guarded.inputs[1]!) !== 1) return undefined;
  const [isZero, , sum] = guarded.inputs as readonly [Node, Node, Node];
  const compared = isOp(isZero, "eq") && isZero.inputs.some((one) => splatValue(one) === 0);
  if (!compared || !isZero.inputs.some((one) => one.key === sum.key)) return undefined;
  const isSum =
    isOp(sum, "reduce") && sum.attributes.kind === "sum" && sum.attributes.axes.join() === `${axis}`;
  return isSum ? sum.inputs[0] : undefined;
}

/** What the reader of `weights` reads. Formulas of weights that know of their row are read into `reading`. */
export function weightsOf(reading: Reading, weights: Labelled, column: string): Weights | undefined {
  const core = coreOf(weights, column);
  if (core) {
    reading.core = weights;
    return { ...core, post: undefined };
  }
  return formulaOfCore(reading, weights, column);
}

function formulaOfCore(reading: Reading, weights: Labelled, column: string): Weights | undefined {
  const b = reading.builder;
  let found: Core | undefined;
  const post = readFormula(reading, "post", weights, (at) => {
    if (isOp(at.x, "logsumexp")) {
      if (reading.rows && !isSame(reading.rows, at)) return undefined;
      reading.rows = at;
      return scalar(b, "l", "f32");
    }
    const core = coreOf(at, column);
    if (!core || (reading.core && !isSame(reading.core, at))) return undefined;
    reading.core = at;
    found = core;
    return scalar(b, "a", "f32");
  });
  if (!found || argumentsOf(post).has("s")) return undefined;
  return reading.rows && !isRowOf(reading.rows, found) ? undefined : { ...found, post };
}

const isSame = (a: Labelled, b: Labelled): boolean =>
  a.x.key === b.x.key && a.labels.join() === b.labels.join();

/** Whether a logsumexp is over the columns of a softmax, of its scores where its mask allows. */
function isRowOf({ x, labels }: Labelled, { kind, scores, mask }: Core): boolean {
  const [own, allowed] = x.inputs;
  const axis = isOp(x, "logsumexp") ? x.attributes.axis : -1;
  const rest = scores.labels.filter((_, n) => n !== axis);
  return (
    kind === "softmax" &&
    own!.key === scores.x.key &&
    allowed?.key === mask?.x.key &&
    rest.join() === labels.join()
  );
}

/** Weights that know of nothing but their pair: select(m, s, 0), or s. */
export function plainWeights({ x, labels }: Labelled): Weights {
  const { kept, mask } = keptBy(x);
  return {
    kind: "identity",
    scores: { x: kept, labels },
    mask: mask && { x: mask, labels },
    post: undefined,
  };
}
