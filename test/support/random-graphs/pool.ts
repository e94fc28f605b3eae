/** The values made so far, from which an instruction picks its operands. */
import type { Builder } from "../../../compiler/ir/builder.js";
import type { Axis, Node, Shape } from "../../../compiler/ir/graph.js";
import type { DType } from "../../../compiler/ir/shape.js";
import { sameSizes } from "../../../compiler/ir/shape.js";

/** What to do, and three free choices. */
export interface Instruction {
  readonly op: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** Above it a value is squashed: chains of products stay far from overflow. */
const LARGEST = 100;

export const AXES: readonly Axis[] = [
  { name: "batch", size: [[1, "B"]] },
  { name: "t", size: [[1, "T"]] },
  { name: "d", size: 4 },
  { name: "h", size: 2 },
  { name: "e", size: 3 },
  { name: "one", size: 1 },
];

export interface Pool {
  readonly b: Builder;
  readonly nodes: readonly Node[];
  /** Inside a body there are no parameters to add. */
  readonly inBody: boolean;
  /** Adds a value whose absolute value is at most `bound`; squashes it where that is large. */
  add(node: Node, bound: number): void;
  bound(node: Node): number;
  /** One of the values of a type. */
  pick(dtype: DType, choice: number): Node;
  /** One of the values with the type and sizes of `like`. */
  pickLike(like: Node, choice: number): Node;
  /** A parameter of the shape; inside a body, a value spread over it. */
  leaf(shape: Shape, dtype: DType, choice: number): Node;
  /** A pool for a body. */
  inner(): Pool;
}

export function createPool(b: Builder, inBody = false): Pool {
  const nodes: Node[] = [];
  const bounds = new Map<Node, number>();

  function add(node: Node, bound: number): void {
    const kept = bound <= LARGEST ? node : squash(node);
    if (!nodes.includes(kept)) nodes.push(kept);
    bounds.set(kept, bound <= LARGEST ? bound : node.dtype === "f32" ? 1 : 7);
  }
  const squash = (node: Node): Node =>
    node.dtype === "f32" ? b.tanh(node) : b.mod(node, b.full(7, node.shape, "i32"));

  function pick(dtype: DType, choice: number): Node {
    const fitting = nodes.filter((node) => node.dtype === dtype);
    if (fitting.length > 0) return fitting[choice % fitting.length]!;
    const source = nodes[choice % nodes.length]!;
    const made = dtype === "f32" ? b.to_f32(source) : dtype === "i32" ? b.to_i32(source) : b.to_bool(source);
    add(made, dtype === "bool" ? 1 : bounds.get(source)!);
    return made;
  }

  return {
    b,
    nodes,
    inBody,
    add,
    pick,
    bound: (node) => bounds.get(node) ?? 1,
    pickLike(like, choice) {
      const fitting = nodes.filter((node) => node.dtype === like.dtype && sameSizes(node.shape, like.shape));
      return fitting.length > 0 ? fitting[choice % fitting.length]! : like;
    },
    leaf(shape, dtype, choice) {
      if (!inBody) {
        const leaf = b.input(
          dtype === "f32" ? "parameter" : "input",
          leafName(shape, dtype, choice),
          shape,
          dtype,
        );
        add(leaf, 6);
        return leaf;
      }
      const scalars = nodes.filter((node) => node.dtype === dtype && node.shape.length === 0);
      const made = b.broadcastTo(scalars[choice % scalars.length] ?? b.const(1, dtype), shape, []);
      add(made, 6);
      return made;
    },
    inner: () => createPool(b, true),
  };
}

const leafName = (shape: Shape, dtype: DType, choice: number): string =>
  `${dtype[0]}${choice % 3}_${shape.map((axis) => axis.name + sizeText(axis.size)).join("_")}`;
