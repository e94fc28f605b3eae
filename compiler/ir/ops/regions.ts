/** Regions: nodes with a body. `interpret` runs them, `differentiate` rewrites them. */
import type { Graph, Node, NodeOf, ValueType } from "../graph.js";
import { topological } from "../rewrite.js";
import type { Size } from "../shape.js";
import { sameSizes, sizeEquals } from "../shape.js";
import type { Turns } from "../vocabulary.js";
import type { OpRow } from "./row.js";
import { demandCount, misuse, typeText } from "./row.js";

export const regions: { readonly [K in "repeat" | "fused" | "get"]: OpRow<K> } = {
  repeat: {
    kind: "region",
    doc: "for each turn: (carries, results[turn]) = body(carries, slices[turn], fixed, turn)",
    attributes: {
      body: "graph",
      first: "number",
      count: "turns",
      reverse: "boolean",
      carries: "number",
      slices: "number",
    },
    type(inputs, attributes) {
      demandRepeat(inputs, attributes);
      const { body, carries, count } = attributes;
      const results = body.outputs.slice(carries).map(
        ({ node }): ValueType => ({
          shape: [{ name: "layer", size: constantTurns(count) }, ...node.shape],
          dtype: node.dtype,
        }),
      );
      return [...inputs.slice(0, carries).map(({ shape, dtype }) => ({ shape, dtype })), ...results];
    },
  },
  fused: {
    kind: "region",
    doc: "the outputs of the body, computed by one kernel",
    attributes: { body: "graph" },
    type(inputs, { body }) {
      for (const input of bodyInputs(body)) {
        const { kind, name } = input.attributes;
        if (kind === "scalar" || kind === "turn") continue;
        const operand = kind === "fixed" ? inputs[indexOf(name)] : undefined;
        if (!operand) misuse("fused", inputs, `nothing is bound to ${kind} ${name}`);
        if (!fits(operand, input)) misuse("fused", inputs, `${name} is ${typeText(input)} inside`);
      }
      return body.outputs.map(({ node: { shape, dtype } }) => ({ shape, dtype }));
    },
  },
  get: {
    kind: "region",
    doc: "one result of a region",
    attributes: { index: "number" },
    type(inputs, { index }) {
      demandCount("get", inputs, 1);
      const region = inputs[0]!;
      const result = region.results[index];
      if ((region.op !== "repeat" && region.op !== "fused") || !result)
        misuse("get", inputs, `${region.op} has no result ${index}`);
      return [{ shape: result.shape, dtype: result.dtype }];
    },
  },
};

function demandRepeat(inputs: readonly Node[], attributes: NodeOf<"repeat">["attributes"]): void {
  const { body, carries, slices, count, first, reverse } = attributes;
  const fail = (what: string): never => misuse("repeat", inputs, what);
  if (carries + slices > inputs.length || body.outputs.length < carries)
    fail(`${carries} carries and ${slices} slices`);
  if (typeof count === "number") {
    if (!Number.isInteger(count) || count < 0) fail(`${count} turns`);
    inputs.slice(carries, carries + slices).forEach((stack, n) => {
      if (!stack.shape[0] || !sizeEquals(stack.shape[0].size, count))
        fail(`slice.${n} is not a stack of ${count}`);
    });
  } else {
    if (!Number.isInteger(count.tile) || count.tile < 1) fail(`tiles of ${count.tile}`);
    if (slices > 0 || body.outputs.length > carries || first !== 0 || reverse)
      fail("turns that depend on the lengths have carries only and run from 0 on");
  }
  body.outputs.slice(0, carries).forEach(({ node }, n) => {
    if (!fits(node, inputs[n]!)) fail(`carry.${n} becomes ${typeText(node)}`);
  });
  for (const input of bodyInputs(body)) {
    const { kind, name } = input.attributes;
    if (kind === "scalar" || kind === "turn") continue;
    const operand = operandOf(inputs, attributes, kind, name) ?? fail(`nothing is bound to ${kind} ${name}`);
    const expected = kind === "slice" ? { shape: operand.shape.slice(1), dtype: operand.dtype } : operand;
    if (!fits(expected, input)) fail(`${name} is ${typeText(input)} inside`);
  }
}

/** The operand that the input `name` of a body stands for. */
function operandOf(
  inputs: readonly Node[],
  { carries, slices }: NodeOf<"repeat">["attributes"],
  kind: string,
  name: string,
): Node | undefined {
  const n = indexOf(name);
  if (kind === "carry") return n < carries ? inputs[n] : undefined;
  if (kind === "slice") return n < slices ? inputs[carries + n] : undefined;
  return kind === "fixed" ? inputs[carries + slices + n] : undefined;
}

/** How many turns a region has that is written out or stacked. */
export function constantTurns(count: Turns): number {
  if (typeof count === "number") return count;
  throw new Error("internal: a region whose turns depend on the lengths has no stacks");
}

/** How many turns a region has when its lengths are known. */
export const turnsAt = (count: Turns, size: (size: Size) => number): number =>
  typeof count === "number" ? count : Math.ceil(size(count.size) / count.tile);

/** `fixed.3` → 3 */
export const indexOf = (name: string): number => Number(name.slice(name.lastIndexOf(".") + 1));

export const bodyInputs = (body: Graph): readonly NodeOf<"input">[] =>
  topological(body).filter((node): node is NodeOf<"input"> => node.op === "input");

const fits = (x: ValueType, y: ValueType): boolean => x.dtype === y.dtype && sameSizes(x.shape, y.shape);
