/** Both sides of one rule on random tensors: what the tests of rules ask, and what injected faults have to fail. */
import type { Builder } from "../../../compiler/ir/builder.js";
import { createBuilder } from "../../../compiler/ir/builder.js";
import type { Graph, Node } from "../../../compiler/ir/graph.js";
import type { DType } from "../../../compiler/ir/shape.js";
import { mapOf, splat } from "../../../compiler/passes/nodes.js";
import type { Identity, Pattern } from "../../../compiler/passes/pattern.js";
import type { Rule } from "../../../compiler/passes/rule.js";
import { identityRule } from "../../../compiler/passes/simplify.js";
import { useCounts } from "../../../compiler/passes/walk.js";
import { difference, randomLeaves } from "./meaning.js";
import type { Random } from "./random.js";
import { createRandom, pick } from "./random.js";
import { D, leaf, T } from "./rule-examples.js";

const graphOf = (node: Node): Graph => ({ name: "test", outputs: [{ name: "y", node }] });

function applied(rule: Rule, left: Node, builder: Builder): Node | undefined {
  const uses = useCounts(graphOf(left));
  return rule.apply(left, { builder, uses: (key) => uses.get(key) });
}

/** What is wrong with `rule` on `left`: it does not apply, or gives something else. A few draws of the leaves. */
export function ruleFault(rule: Rule, left: Node, b: Builder, random: Random): string | undefined {
  const right = applied(rule, left, b);
  if (!right || right.key === left.key) return "does not apply";
  for (let draw = 0; draw < 5; draw++) {
    const fault = difference(graphOf(left), graphOf(right), randomLeaves(graphOf(left), random));
    if (fault) return fault;
  }
  return undefined;
}

/** What is wrong with an identity on some instances of its left side. */
export function identityFault(identity: Identity): string | undefined {
  const random = createRandom(identity.text.length);
  for (let n = 0; n < 4; n++) {
    const b = createBuilder();
    const fault = ruleFault(identityRule(identity), instance(identity, b, random), b, random);
    if (fault) return fault;
  }
  return undefined;
}

const conditions = new Set(["and", "or", "not"]);
const positiveOnly = new Set(["log", "sqrt", "rsqrt", "div", "pow", "floordiv", "mod"]);

/** The left side of an identity over leaves: variables where roots and quotients stand are positive. */
function instance({ left, dtype, text }: Identity, b: Builder, random: Random): Node {
  const numeric: DType = dtype ?? pick(random, ["f32", "i32"] as const);
  const real = [...positiveOnly].some((op) => text.includes(`${op}(`));
  const constants = new Map<string, number>();
  const build = (pattern: Pattern, wanted: DType): Node => {
    switch (pattern.tag) {
      case "any":
        return leaf(
          b,
          `${real && wanted === "f32" ? "positive." : ""}${pattern.name}.${wanted}`,
          [T, D],
          wanted,
        );
      case "constant": {
        const value = constants.get(pattern.name) ?? pick(random, [2, 3, 4]);
        constants.set(pattern.name, value);
        return splat(b, value, wanted, [T, D]);
      }
      case "number":
        return splat(b, pattern.value, wanted, [T, D]);
      case "map": {
        const { op } = pattern;
        const input = (n: number): DType => {
          if (conditions.has(op) || (op === "select" && n === 0)) return "bool";
          if (op.startsWith("to_")) return pick(random, ["f32", "i32", "bool"] as const);
          return ["eq", "ne", "lt", "le"].includes(op) || wanted === "bool" ? (dtype ?? "f32") : wanted;
        };
        const kind: DType =
          op === "to_f32" ? "f32" : op === "to_i32" ? "i32" : op === "to_bool" ? "bool" : wanted;
        const inputs = pattern.inputs.map((one, n) =>
          build(one, nested(one) ?? (op === "select" && n > 0 ? kind : input(n))),
        );
        return mapOf(b, op, inputs);
      }
      default:
        return pattern satisfies never;
    }
  };
  return build(left, numeric);
}

/** The type that a map gives whatever it is given. */
function nested(pattern: Pattern): DType | undefined {
  if (pattern.tag !== "map") return undefined;
  if (["eq", "ne", "lt", "le", "and", "or", "not", "to_bool"].includes(pattern.op)) return "bool";
  return pattern.op === "to_f32" ? "f32" : pattern.op === "to_i32" ? "i32" : undefined;
}
