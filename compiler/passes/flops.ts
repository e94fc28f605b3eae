/**
 * Node and lengths → floating-point operations, as the field counts them: 2 for a multiply and add, 1 for any other map.
 *
 * ```
 * contract x [b, t, d] · w [d, e]                        2 · b · t · d · e
 * mix q [b, h, i, c], k [b, g, j, c], v [b, g, j, e]     b · h · i · j · (2c + 2e + 4)
 * pairwise over [b, h, i, j]                             b · h · i · j · (2 Σ c + 2e + the maps of its formula)
 * ```
 */
import type { Node, NodeOf } from "../ir/graph.js";
import { rowOf } from "../ir/ops/index.js";
import { pairwiseParts } from "../ir/ops/pairwise-parts.js";
import { topological } from "../ir/rewrite.js";
import type { Shape, Size } from "../ir/shape.js";
import { elementCount, evaluateSize } from "../ir/shape.js";

export type LengthValues = Readonly<Record<string, number>>;

/** Of one execution of `node`; a region counts as nothing here, its body is counted by whoever walks it. */
export function flopsOf(node: Node, lengths: LengthValues): number {
  const elements = (shape: Shape): number => evaluateSize(elementCount(shape), lengths);
  switch (node.op) {
    case "input":
    case "const":
    case "iota":
    case "length":
    case "table":
    case "broadcast":
    case "transpose":
    case "reshape":
    case "slice":
    case "window":
    case "unwindow":
    case "pad":
    case "concat":
    case "gather":
    case "update":
    case "repeat":
    case "fused":
    case "get":
      return 0;
    case "contract":
      return 2 * contractionPoints(node.inputs, node.attributes, lengths);
    case "mix":
      return mixFlops(node.inputs, lengths, lengths);
    case "pairwise":
      return elements(node.attributes.space) * flopsOfPair(node, lengths);
    case "softmax":
    case "logsumexp":
      return 4 * elements(node.inputs[0]!.shape);
    case "reduce":
      return elements(node.inputs[0]!.shape);
    case "scatter_add":
      return elements(node.inputs[1]!.shape);
    default:
      return elements(node.shape);
  }
}

function contractionPoints(
  [x, y]: readonly Node[],
  { a, b }: { readonly a: readonly string[]; readonly b: readonly string[] },
  lengths: LengthValues,
): number {
  const sizes = new Map<string, Size>();
  a.forEach((label, n) => sizes.set(label, x!.shape[n]!.size));
  b.forEach((label, n) => sizes.set(label, y!.shape[n]!.size));
  return [...sizes.values()].reduce((points: number, size) => points * evaluateSize(size, lengths), 1);
}

/** Of one pair; all pairs are counted, those that the mask forbids too. */
function flopsOfPair({ inputs, attributes }: NodeOf<"pairwise">, lengths: LengthValues): number {
  const { products, x } = pairwiseParts({ inputs, attributes });
  const width = (node: Node): number => evaluateSize(node.shape.at(-1)!.size, lengths);
  const channels = products.reduce((sum, { left }) => sum + width(left), 0);
  const maps = topological(attributes.formula).filter(({ op }) => rowOf(op).kind === "map").length;
  return 2 * channels + maps + (x ? 2 * width(x) : 1);
}

/** Queries under one set of lengths, keys and values under another: decoding asks one position of many. */
export function mixFlops([q, k, v]: readonly Node[], queries: LengthValues, keys: LengthValues): number {
  const rows = evaluateSize(elementCount(q!.shape.slice(0, -1)), queries); // b · h · i
  const columns = evaluateSize(k!.shape.at(-2)!.size, keys); // j
  const widths = [q!, v!].map((node) => evaluateSize(node.shape.at(-1)!.size, keys));
  return rows * columns * (2 * widths[0]! + 2 * widths[1]! + 4);
}
