/**
 * Scores as a tensor expression → scores as a formula of one element.
 *
 * ```
 * add(mul(contract(q, k), broadcast(0.125)), broadcast(bias[h, j]))   →   s·0.125 + field0, fields [[1, 3]]
 * le(broadcast(iota j), broadcast(iota i))                            →   j ≤ i
 * ```
 * Maps are followed down to what is no map: the contraction of queries with keys becomes `s`, indices become h, i and j,
 * constants stay, and every other tensor is a field.
 */
import type { Builder } from "../../ir/builder.js";
import type { Graph, Node, NodeOf } from "../../ir/graph.js";
import { rowOf } from "../../ir/ops/index.js";
import { topological } from "../../ir/rewrite.js";
import type { Size } from "../../ir/shape.js";
import { sameSizes, sizeEquals, subSizes } from "../../ir/shape.js";
import type { Axes, Labelled } from "./axes.js";
import { aligned, headAxis, headLabels, mergedAt } from "./axes.js";

export interface Field {
  readonly x: Node;
  /** Positions of its axes in [...batch, h, i, j]. */
  readonly positions: readonly number[];
}

/** What one reading of scores and mask found; it grows while formulas are read. */
export interface Reading {
  readonly axes: Axes;
  readonly builder: Builder;
  readonly fields: Field[];
  /** The contraction of queries with keys, and its labels. */
  product: { readonly node: NodeOf<"contract">; readonly labels: readonly string[] } | undefined;
  /** Weights that a formula reads as `a`: a softmax over the columns, or what `l1` finds. */
  core: Labelled | undefined;
  /** The logsumexp that a formula reads as `l`. */
  rows: Labelled | undefined;
  offset: Size | undefined;
  /** How many nodes were read. */
  length: number;
}

/** A longer formula is no score: what lies beyond it stays a tensor. */
const LONGEST_FORMULA = 200;

export const startReading = (axes: Axes, builder: Builder): Reading => ({
  axes,
  builder,
  fields: [],
  product: undefined,
  core: undefined,
  rows: undefined,
  offset: undefined,
  length: 0,
});

export const scalar = (b: Builder, name: string, dtype: "f32" | "i32"): Node =>
  b.input("fixed", name, [], dtype);

/**
 * The formula of one element of `root`, whose axes have `labels`. `atom` reads what stands for an argument of its own before
 * anything else is tried.
 */
export function readFormula(
  reading: Reading,
  name: string,
  root: Labelled,
  atom: (at: Labelled) => Node | undefined = () => undefined,
): Graph {
  const done = new Map<string, Node>();
  const read = (at: Labelled): Node => {
    const key = `${at.x.key}:${at.labels.join()}`;
    const seen = done.get(key);
    if (seen) return seen;
    const made = atom(at) ?? element(reading, at, read);
    done.set(key, made);
    return made;
  };
  return { name, outputs: [{ name, node: read(root) }] };
}

type Follow = (next: Labelled) => Node;

function element(reading: Reading, { x, labels }: Labelled, follow: Follow): Node {
  const b = reading.builder;
  if (++reading.length > LONGEST_FORMULA) return field(reading, { x, labels });
  if (x.op === "const" || x.op === "length") return b.remake(x, []);
  if (x.op === "iota")
    return index(reading, labels[x.attributes.axis]!, x.attributes.offset) ?? field(reading, { x, labels });
  if (x.op === "transpose") {
    const { order } = x.attributes;
    return follow({ x: x.inputs[0]!, labels: order.map((_, axis) => labels[order.indexOf(axis)]!) });
  }
  if (x.op === "broadcast") {
    const { from } = x.attributes;
    const source = x.inputs[0]!;
    return follow({ x: source, labels: source.shape.map((_, axis) => labels[from.indexOf(axis)]!) });
  }
  if (x.op === "reshape" && sameSizes(x.shape, x.inputs[0]!.shape))
    return follow({ x: x.inputs[0]!, labels });
  if (rowOf(x.op).kind === "map")
    return b.remake(
      x,
      x.inputs.map((input) => follow({ x: input, labels })),
    );
  if (x.op === "contract" && isProduct(reading, x, labels)) {
    reading.product ??= { node: x, labels };
    return scalar(b, "s", "f32");
  }
  return field(reading, { x, labels });
}

/** Whether `x` contracts queries (rows) with keys (columns), and is the one that `s` stands for. */
function isProduct(reading: Reading, x: NodeOf<"contract">, labels: readonly string[]): boolean {
  const { product, axes } = reading;
  if (product) return product.node.key === x.key && product.labels.join() === labels.join();
  const { a, b, out } = x.attributes;
  const own = (label: string): string => out[labels.indexOf(label)] ?? "";
  const [row, column] = [own(axes.row), own(axes.column)];
  return (
    (a.includes(row) && !a.includes(column) && b.includes(column) && !b.includes(row)) ||
    (b.includes(row) && !b.includes(column) && a.includes(column) && !a.includes(row))
  );
}

/** The index along a labelled axis as a formula of h, i and j; undefined for a batch axis. */
function index(reading: Reading, label: string, offset: Size): Node | undefined {
  const { axes, builder: b } = reading;
  const shifted = (x: Node, by: Size): Node => (sizeEquals(by, 0) ? x : b.add(x, b.length(by, "i32")));
  if (label === axes.row || label === axes.column) {
    // `mix` counts both positions from its offset.
    reading.offset ??= offset;
    return shifted(scalar(b, label === axes.row ? "i" : "j", "i32"), subSizes(offset, reading.offset));
  }
  if (!headLabels(axes).includes(label)) return undefined;
  const h = scalar(b, "h", "i32");
  const share = axes.share === undefined ? 1 : axes.of.get(axes.share)!.size;
  if (axes.group === undefined || axes.share === undefined) return shifted(h, offset);
  const size = b.length(share, "i32");
  return shifted(label === axes.group ? b.floordiv(h, size) : b.mod(h, size), offset);
}

/** A tensor that the formula reads: its axes in the order of [...batch, h, i, j]. */
function field(reading: Reading, { x, labels }: Labelled): Node {
  const { axes, builder: b } = reading;
  const heads = headLabels(axes);
  const hasHeads = heads.some((label) => labels.includes(label));
  const wanted = [
    ...axes.batch.filter((label) => labels.includes(label)),
    ...(hasHeads ? heads : []),
    ...[axes.row, axes.column].filter((label) => labels.includes(label)),
  ];
  const at = wanted.indexOf(heads[0] ?? "");
  const arranged = aligned(b, { x, labels }, wanted, axes);
  const merged = hasHeads ? mergedAt(b, arranged, at, heads.length, headAxis(axes)) : arranged;
  const head = axes.batch.length;
  const positions = [
    ...axes.batch.flatMap((label, n) => (labels.includes(label) ? [n] : [])),
    ...(hasHeads ? [head] : []),
    ...[axes.row, axes.column].flatMap((label, n) => (labels.includes(label) ? [head + 1 + n] : [])),
  ];
  const known = reading.fields.findIndex(
    (one) => one.x.key === merged.key && one.positions.join() === positions.join(),
  );
  const number = known >= 0 ? known : reading.fields.push({ x: merged, positions }) - 1;
  return b.input("fixed", `field${number}`, [], x.dtype);
}

/** The names of the arguments that formulas use. */
export function argumentsOf(...formulas: readonly (Graph | undefined)[]): ReadonlySet<string> {
  const nodes = formulas.flatMap((formula) => (formula ? topological(formula) : []));
  return new Set(nodes.flatMap((node) => (node.op === "input" ? [node.attributes.name] : [])));
}

/** Whether a formula tells rows and columns apart by their indices. */
export function isPositionwise(score: Graph, mask: Graph | undefined): boolean {
  const names = argumentsOf(score, mask);
  return names.has("i") && names.has("j");
}
