/** One backward turn of a region, and how the inputs of its body stand for operands. */
import type { Node, NodeOf } from "../graph.js";
import { indexOf } from "../ops/regions.js";
import type { Cotangents } from "../ops/row.js";

/** One backward turn as nodes over the forward body; placeholders stand for the cotangents that it is given. */
export interface Turn {
  /** The forward body's outputs, over nested regions that give their residuals. */
  readonly forward: readonly Node[];
  /** By body output: the placeholder of its cotangent; undefined where it has none. */
  readonly seeds: Cotangents;
  /** By operand of the region: its cotangent in this turn; undefined where it has none. */
  readonly gradients: Cotangents;
}

/** Which operand of the region an input of its body stands for; undefined for turns and scalars. */
export function operandAt({ attributes }: NodeOf<"repeat">, input: NodeOf<"input">): number | undefined {
  const { kind, name } = input.attributes;
  const { carries, slices } = attributes;
  if (kind === "carry") return indexOf(name);
  if (kind === "slice") return carries + indexOf(name);
  return kind === "fixed" ? carries + slices + indexOf(name) : undefined;
}
