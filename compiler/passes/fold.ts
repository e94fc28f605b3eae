/**
 * fold: Graph → equal Graph, what is known now is computed now.
 *
 * ```
 * %1 = length 64 : f32 []; %2 = const 2 : f32 []; %3 = mul(%1, %2)   →   const 128 : f32 []
 * ```
 * Constants are computed in f64 and rounded to f32 once, where a kernel prints them: an expression that folds away is nearer
 * to the real number than one computed step by step on the device. What has no finite f32 value is left as written.
 */
import type { Builder } from "../ir/builder.js";
import type { Constant } from "../ir/formulas/constants.js";
import { foldMap } from "../ir/formulas/constants.js";
import type { Node } from "../ir/graph.js";
import type { MapOp } from "../ir/vocabulary.js";
import { applyRules } from "./apply_rules.js";
import { isUnit, mapOps, scalarUnder, splat, splatValue, spread } from "./nodes.js";
import type { Pass } from "./pass.js";
import type { Rule } from "./rule.js";
import { mapRule, rule } from "./rule.js";

/** Every element of a map of constants is one constant. */
function foldConstants(node: Node, b: Builder): Node | undefined {
  const inputs: Constant[] = [];
  for (const input of node.inputs) {
    const value = splatValue(input);
    if (value === undefined) return undefined;
    inputs.push({ value, dtype: input.dtype });
  }
  const folded = foldMap(node.op as MapOp, inputs);
  return folded && splat(b, folded.value, folded.dtype, node.shape);
}

export const foldRules: readonly Rule[] = [
  ...mapOps.map((op) =>
    mapRule(op, `${op}(constants) => constant`, (node, { builder }) => foldConstants(node, builder)),
  ),
  rule("length", "length(constant size) => constant", ({ attributes: { size, dtype } }, { builder: b }) =>
    typeof size === "number" ? b.make("const", [], { value: size, dtype }) : undefined,
  ),
  rule("iota", "iota(axis of size 1) => offset", (node, { builder: b }) => {
    const { shape, axis, offset } = node.attributes;
    if (!isUnit(shape[axis]!.size)) return undefined;
    return spread(b, b.make("length", [], { size: offset, dtype: "i32" }), shape);
  }),
  rule("iota", "iota(x, y, …) => broadcast(iota(x))", (node, { builder: b }) => {
    const { shape, axis, offset } = node.attributes;
    if (shape.length === 1) return undefined;
    const line = b.make("iota", [], { shape: [shape[axis]!], axis: 0, offset });
    return b.make("broadcast", [line], { shape, from: shape.map((_, n) => (n === axis ? 0 : -1)) });
  }),
  ...(["to_f32", "to_i32", "to_bool"] as const).map((op) =>
    rule(op, `${op}(x) => x, where x is one`, (node) =>
      node.inputs[0]!.dtype === node.dtype ? node.inputs[0] : undefined,
    ),
  ),
  ...(["to_f32", "to_i32"] as const).map((op) =>
    rule(op, `${op}(length) => length`, (node, { builder: b }) => {
      const scalar = scalarUnder(node.inputs[0]!);
      if (scalar?.op !== "length") return undefined;
      return spread(b, b.make("length", [], { size: scalar.attributes.size, dtype: node.dtype }), node.shape);
    }),
  ),
];

export const fold: Pass = {
  name: "fold",
  says: "f(1, 2) => 3; length(64) => 64; iota(1) => offset",
  from: 1,
  run: (graph, context) => applyRules(graph, foldRules, context),
};
