/**
 * A body → which of its projections fold what, each node that is replaced with how.
 *
 * ```
 * %y = contract(%h, slice.1), %h peels to %x, %h is read by projections alone   →   %y: { base: %x, layers, weight: slice.1 }
 * ```
 */
import type { Node, NodeOf } from "../../ir/graph.js";
import type { Scope } from "../merge/weights.js";
import type { PassContext } from "../pass.js";
import { isOp } from "../rule.js";
import type { Lift } from "./lift.js";
import type { Layer, Peeled } from "./peel.js";
import { isConstant, isReadOnce, outermost, peel, rowFactor } from "./peel.js";

export interface Fold {
  readonly node: NodeOf<"contract">;
  readonly base: Node;
  readonly layers: readonly Layer[];
  readonly weight: Node;
  /** Labels of what is projected, and of the weight. */
  readonly x: readonly string[];
  readonly weights: readonly string[];
  /** The weight's labels that the projection keeps, in the order in which shifts have them. */
  readonly own: readonly string[];
  /** A factor of rows, applied behind the projection. `from`: as a layer's, of the projection's axes. */
  readonly row: Layer | undefined;
  /** What is replaced, where that is the projection with its bias. */
  readonly sum: { readonly bias: Node; readonly from: readonly number[] } | undefined;
}

interface Asked {
  readonly lift: Lift;
  readonly reads: ReadonlyMap<string, number>;
  readonly explain: PassContext["explain"];
}

export function planFolds(scope: Scope, asked: Asked): ReadonlyMap<Node, Fold> {
  const folds = new Map<Node, Fold>();
  for (const x of new Set(operandsOf(scope))) {
    const peeled = peel(x, scope, asked.lift);
    const row = rowFactor(peeled, x, scope);
    if (!row && !peeled.layers.some(({ value }) => !isConstant(value))) continue;
    const found = foldsOf(x, peeled, scope, asked);
    if (typeof found === "string") asked.explain?.(x, found);
    else for (const fold of rowed(found, row)) folds.set(replacedBy(fold, scope), fold);
  }
  return folds;
}

function rowed(folds: readonly Fold[], row: ReturnType<typeof rowFactor>): readonly Fold[] {
  if (!row) return folds;
  const fits = ({
    x,
    weights,
    node: {
      attributes: { out },
    },
  }: Fold): boolean =>
    x.every((label, axis) => row.layer.from[axis]! < 0 || (out.includes(label) && !weights.includes(label)));
  if (!folds.every(fits)) return folds;
  return folds.map((fold) => ({
    ...fold,
    base: row.inner,
    row: {
      ...row.layer,
      from: fold.node.attributes.out.map((label) => row.layer.from[fold.x.indexOf(label)] ?? -1),
    },
  }));
}

/** What contractions read. */
const operandsOf = (scope: Scope): readonly Node[] =>
  scope.order.flatMap((node) => (isOp(node, "contract") ? node.inputs : []));

function foldsOf(x: Node, peeled: Peeled, scope: Scope, asked: Asked): readonly Fold[] | string {
  if (scope.body.outputs.some((output) => output.node === x))
    return "its gain stays: it leaves the graph as it is";
  const readers = [...new Set(scope.readers(x))];
  const folds = readers.map((reader) => foldOf(x, reader, peeled, scope, asked));
  const why = folds.find((fold) => typeof fold === "string");
  return why ?? (folds as readonly Fold[]);
}

function foldOf(x: Node, reader: Node, peeled: Peeled, scope: Scope, { reads }: Asked): Fold | string {
  if (!isOp(reader, "contract")) return `its gain stays: ${reader.op} reads it too`;
  const at = reader.inputs[0] === x ? 1 : 0;
  const weight = reader.inputs[at]!;
  const leaf = scope.weight(weight)?.leaf;
  if (weight === x || leaf === undefined) return "its gain stays: it is multiplied with what is no parameter";
  if (reads.get(leaf) !== 1) return `its gain stays: ${leaf} is read elsewhere too, a copy would take memory`;
  const { a, b, out } = reader.attributes;
  const [labels, weights] = at === 1 ? [a, b] : [b, a];
  const isShared = ({ from }: Layer): boolean =>
    labels.every((label, axis) => from[axis]! < 0 || weights.includes(label));
  if (!peeled.layers.every(isShared)) return "its gain stays: it differs along axes that the weight has not";
  const sum = biasOf(reader, weights, scope);
  const kept = out.filter((label) => weights.includes(label));
  return {
    ...{ node: reader, base: peeled.base, layers: peeled.layers, weight, x: labels, weights },
    own: sum ? sum.labels : kept,
    row: undefined,
    sum,
  };
}

/** The one reader's other operand, where that is a parameter over the weight's own axes. */
function biasOf(node: NodeOf<"contract">, weights: readonly string[], scope: Scope) {
  const [reader] = scope.readers(node);
  if (!isReadOnce(node, scope) || !reader || !isOp(reader, "add")) return undefined;
  const found = outermost(reader, (value) => scope.weight(value) !== undefined);
  if (found?.inner !== node) return undefined;
  const { value: bias, from } = found.layer;
  const { out } = node.attributes;
  const own = out.filter((label) => weights.includes(label));
  const order = bias.shape.map((_, axis) => out[from.indexOf(axis)]!);
  if (order.length !== own.length || !own.every((label) => order.includes(label))) return undefined;
  return { bias, from, labels: order };
}

const replacedBy = ({ node, sum }: Fold, scope: Scope): Node => (sum ? scope.readers(node)[0]! : node);
