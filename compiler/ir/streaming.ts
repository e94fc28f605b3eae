/**
 * `pairwise` nodes → whether a kernel computes one, and which of them in one pass over the pairs.
 *
 * ```
 * l = logsumexp_j F        y = Σ_j exp(F − l) · u · x_j      one pass: with m the largest F so far in place of l, and y divided by Σ exp(F − m)
 * ```
 * That is right for every formula that is linear in exp(F − l) and reads l nowhere else (Milakov and Gimelshein, 2018).
 */
import type { Graph, Node, NodeOf } from "./graph.js";
import { pairwiseParts } from "./ops/pairwise-parts.js";
import { sameSizes, sizeEquals } from "./shape.js";

export type Pairwise = NodeOf<"pairwise">;

export const isPairwise = (node: Node): node is Pairwise & Node => node.op === "pairwise";

/** Accumulators and rows of more channels than this do not stay near an invocation. */
const MOST_CHANNELS = 256;

/** Whether a kernel computes the node: its channels are few, and their number is known. */
export function isStreamed(node: Pairwise): boolean {
  const { products, x } = pairwiseParts(node);
  const wide = [...products.map(({ left }) => left), ...(x ? [x] : [])];
  return wide.every(({ shape }) => {
    const { size } = shape[shape.length - 1]!;
    return typeof size === "number" && size > 0 && size <= MOST_CHANNELS;
  });
}

/** Whether two nodes sum the same pairs in the same direction. */
export function sharesPairs(a: Pairwise, b: Pairwise): boolean {
  const [x, y] = [a.attributes, b.attributes];
  return (
    x.over === y.over &&
    sameSizes(x.space, y.space) &&
    sizeEquals(x.heads, y.heads) &&
    sizeEquals(x.offset, y.offset) &&
    x.kept.join() === y.kept.join()
  );
}

/** Whether they read one product, so that computing them together saves work. */
export const sharesProduct = (a: Pairwise, b: Pairwise): boolean =>
  pairwiseParts(a).products.some(({ left, right }) =>
    pairwiseParts(b).products.some((other) => other.left === left && other.right === right),
  );

/** Whether `sum` is in `l`, their logsumexp, what one pass can rescale as it goes. */
export function isRescaled(sum: Pairwise, l: Pairwise): boolean {
  if (sum.attributes.reduce !== "sum" || l.attributes.reduce !== "logsumexp") return false;
  if (sum.attributes.over !== "columns" || !sharesPairs(sum, l)) return false;
  if (maskKey(sum) !== maskKey(l)) return false;
  const score = keyOf(l, l.attributes.formula);
  return linearity(sum, l, score)(sum.attributes.formula.outputs[0]!.node) === "linear";
}

/** The names of the fields of `sum` that are `l`. */
export function fieldsThatAre(sum: Pairwise, l: Node): ReadonlySet<string> {
  const { fields } = pairwiseParts(sum);
  return new Set(fields.flatMap((field, n) => (field === l ? [`field${n}`] : [])));
}

type Linearity = "free" | "zero" | "linear" | "other";

/** How a node of the formula of `sum` depends on `l`. */
function linearity(sum: Pairwise, l: Pairwise, score: string): (node: Node) => Linearity {
  const names = fieldsThatAre(sum, l as Node);
  const keys = keysOf(sum);
  const isL = (node: Node): boolean => node.op === "input" && names.has(node.attributes.name);
  const isWeight = (node: Node): boolean => {
    const [x] = node.inputs;
    if (node.op !== "exp" || !x) return false;
    const [a, b] = x.inputs;
    if (x.op === "sub") return isL(b!) && keys(a!) === score;
    return x.op === "add" && b!.op === "neg" && isL(b!.inputs[0]!) && keys(a!) === score;
  };
  const known = new Map<Node, Linearity>();
  const of = (node: Node): Linearity => {
    const seen = known.get(node) ?? found(node);
    known.set(node, seen);
    return seen;
  };
  const found = (node: Node): Linearity => {
    if (isWeight(node)) return "linear";
    if (isL(node)) return "other";
    if (node.op === "const" && node.attributes.value === 0) return "zero";
    const below = node.inputs.map(of);
    if (below.every((x) => x === "free" || x === "zero")) return "free";
    return combined(node.op, below);
  };
  return of;
}

/** At least one operand depends on l. */
function combined(op: Node["op"], below: readonly Linearity[]): Linearity {
  const [x, y, z] = below;
  const isFree = (of: Linearity | undefined): boolean => of === "free" || of === "zero";
  const isSum = (of: Linearity | undefined): boolean => of === "linear" || of === "zero";
  if (op === "mul")
    return (x === "linear" && isFree(y)) || (isFree(x) && y === "linear") ? "linear" : "other";
  if (op === "div") return x === "linear" && isFree(y) ? "linear" : "other";
  if (op === "neg") return x === "linear" ? "linear" : "other";
  if (op === "add" || op === "sub") return isSum(x) && isSum(y) ? "linear" : "other";
  if (op === "select") return isFree(x) && isSum(y) && isSum(z) ? "linear" : "other";
  return "other";
}

const keyOf = (node: Pairwise, formula: Graph): string => keysOf(node)(formula.outputs[0]!.node);
export const maskKey = (node: Pairwise): string =>
  node.attributes.mask ? keyOf(node, node.attributes.mask) : "";

/** Texts that are equal exactly where two formulas mean the same, however their arguments are numbered. */
function keysOf(node: Pairwise): (of: Node) => string {
  const { products, fields } = pairwiseParts(node);
  const argument = (name: string): string => {
    const [, kind, digits] = /^(s|field)(\d+)$/.exec(name) ?? [];
    const n = Number(digits);
    if (kind === "s") return `s(${products[n]!.left.key} ${products[n]!.right.key})`;
    if (kind === "field") return `field(${fields[n]!.key} ${node.attributes.fields[n]!.join()})`;
    return name;
  };
  const known = new Map<Node, string>();
  const key = (of: Node): string => {
    const seen = known.get(of) ?? made(of);
    known.set(of, seen);
    return seen;
  };
  const made = (of: Node): string => {
    if (of.op === "input" && of.attributes.kind === "fixed") return argument(of.attributes.name);
    return of.inputs.length === 0 ? of.key : `${of.op}(${of.inputs.map(key).join(" ")})`;
  };
  return key;
}
