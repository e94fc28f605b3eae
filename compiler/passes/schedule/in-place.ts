/**
 * The body of a kernel → whether one of its outputs may lie where one of its operands lies.
 *
 * ```
 * y = tanh(x)                                   each element is read only where it is written
 * y = exp(x − max x) / Σ exp(x − max x)         each row is read only by the invocation that writes it
 * y = contract(a, b) + x                        x is read after the sum, where it is written
 * ```
 * The same rule as codegen's (`compiler/codegen/lower.ts`, rule 5).
 */
import { dependentsOf, isPlainEpilogue } from "../../ir/epilogue.js";
import type { Graph, Node, NodeOf } from "../../ir/graph.js";
import { ops } from "../../ir/ops/index.js";
import { topological } from "../../ir/rewrite.js";
import type { DType, Shape } from "../../ir/shape.js";
import { sameSizes } from "../../ir/shape.js";

const wordOf = (dtype: DType): DType | "u32" => (dtype === "bool" ? "u32" : dtype);

/** Whether output `write` may take the place of `fixed.<read>`: no element of it is read after another is written, or elsewhere. */
export function readsInPlace(body: Graph, read: number, write: number): boolean {
  const nodes = topological(body);
  const target = body.outputs[write]!.node;
  const operand = nodes.find((node) => node.op === "input" && node.attributes.name === `fixed.${read}`);
  if (!operand) return false;
  const rows = rowsOf(nodes);
  if (rows === "mixed" || nodes.some(({ op }) => op === "scatter_add" || op === "update" || op === "cumsum"))
    return false;
  if (wordOf(operand.dtype) !== wordOf(target.dtype) || !sameSizes(operand.shape, target.shape)) return false;
  const spaces = rows ? [rows.full, rows.row] : [target.shape];
  const isInSpace = ({ shape }: Node): boolean => spaces.some((space) => sameSizes(space, shape));
  if (!isInSpace(operand) || !body.outputs.every(({ node }) => isInSpace(node))) return false;
  const dependent = new Set<Node>([operand]);
  for (const node of nodes) {
    if (!node.inputs.some((input) => dependent.has(input))) continue;
    if (!isInSpace(node) || !staysInRow(node, rows)) return false;
    dependent.add(node);
  }
  // Where elements of several outputs come of one invocation, those of one place come of several.
  const isAlone = body.outputs.every(({ node }, n) => n === write || !dependent.has(node));
  return isAlone || !hasParts(body, nodes);
}

/** Whether outputs hold a contraction's elements elsewhere than it has them. */
function hasParts(body: Graph, nodes: readonly Node[]): boolean {
  const contract = nodes.find((node) => node.op === "contract");
  if (!contract) return false;
  const outputs = body.outputs.map(({ node }) => node);
  return !isPlainEpilogue(
    contract,
    dependentsOf(contract, outputs, () => true),
    outputs,
  );
}

interface RowSpace {
  readonly full: Shape;
  readonly row: Shape;
  /** The axes that a row has, in order. */
  readonly kept: readonly number[];
}

/** The space of the reductions, if there are any; "mixed" where they differ. */
function rowsOf(nodes: readonly Node[]): RowSpace | undefined | "mixed" {
  const reduces = nodes.filter((node): node is NodeOf<"reduce"> & Node => node.op === "reduce");
  const [first] = reduces;
  if (!first) return undefined;
  const axes = first.attributes.axes.join();
  const full = first.inputs[0]!.shape;
  if (reduces.some((node) => node.attributes.axes.join() !== axes || !sameSizes(node.inputs[0]!.shape, full)))
    return "mixed";
  const kept = full.map((_, axis) => axis).filter((axis) => !first.attributes.axes.includes(axis));
  return { full, row: first.shape, kept };
}

/** Whether each invocation reads of the operands of `node` only what belongs to its own element or row. */
function staysInRow(node: Node, rows: RowSpace | undefined): boolean {
  if (ops[node.op].kind === "map") return true;
  if (!rows) return false;
  if (node.op === "reduce") return true;
  if (node.op !== "broadcast" || !sameSizes(node.shape, rows.full)) return false;
  return node.attributes.from.join() === rows.full.map((_, axis) => rows.kept.indexOf(axis)).join();
}
