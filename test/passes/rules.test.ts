/** Every rule: both sides are equal on random tensors; identities make terms smaller, so that rewriting ends. */
import { describe, expect, it } from "vitest";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import type { DType } from "../../compiler/ir/shape.js";
import { contractionRules } from "../../compiler/passes/contraction_rules.js";
import { factoringRules } from "../../compiler/passes/factor_reductions.js";
import { foldRules } from "../../compiler/passes/fold.js";
import { layoutRules } from "../../compiler/passes/layout_rules.js";
import { mapOf, splat } from "../../compiler/passes/nodes.js";
import type { Identity, Pattern } from "../../compiler/passes/pattern.js";
import { reductionRules } from "../../compiler/passes/reduction_rules.js";
import type { Rule } from "../../compiler/passes/rule.js";
import { readIdentities, weight } from "../../compiler/passes/rules.js";
import { identityRule } from "../../compiler/passes/simplify.js";
import { useCounts } from "../../compiler/passes/walk.js";
import { difference, randomLeaves } from "./support/meaning.js";
import type { Random } from "./support/random.js";
import { createRandom, pick } from "./support/random.js";
import { D, examples, leaf, T } from "./support/rule-examples.js";

const graphOf = (node: Node): Graph => ({ name: "test", outputs: [{ name: "y", node }] });

function applied(rule: Rule, left: Node, builder: Builder): Node | undefined {
  const uses = useCounts(graphOf(left));
  return rule.apply(left, { builder, uses: (key) => uses.get(key) });
}

/** Applies `rule` to `left` and demands the same meaning on a few draws of the leaves. */
function demandEqual(rule: Rule, left: Node, b: Builder, random: Random): void {
  const right = applied(rule, left, b);
  expect(right, `${rule.says} does not apply`).toBeDefined();
  expect(right!.key).not.toBe(left.key);
  for (let draw = 0; draw < 5; draw++)
    expect(difference(graphOf(left), graphOf(right!), randomLeaves(graphOf(left), random))).toBeUndefined();
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

describe("identities", () => {
  for (const identity of readIdentities())
    it(identity.text, () => {
      const random = createRandom(identity.text.length);
      for (let n = 0; n < 4; n++) {
        const b = createBuilder();
        demandEqual(identityRule(identity), instance(identity, b, random), b, random);
      }
    });

  it("make terms smaller, whatever stands for their variables", () => {
    for (const { text, left, right } of readIdentities()) {
      for (const heavyOne of ["?x", "?y", "?z", "?c"]) {
        const leafWeight = (name: string): number => (name === heavyOne ? 1000 : 2);
        expect(weight(right, leafWeight), text).toBeLessThan(weight(left, leafWeight));
      }
    }
  });
});

describe("rules of shapes", () => {
  const rules = [...foldRules, ...layoutRules, ...reductionRules, ...contractionRules, ...factoringRules];
  const generated = (rule: Rule): boolean =>
    /constants\) => constant$/.test(rule.says) || /^(\w+)\((broadcast\(x\), …|a, x)\) =>/.test(rule.says);

  for (const rule of rules.filter((one) => !generated(one)))
    it(rule.says, () => {
      const b = createBuilder();
      const example = examples[rule.says];
      expect(example, "every rule has an example").toBeDefined();
      demandEqual(rule, example!(b), b, createRandom(7));
    });

  for (const rule of rules.filter(generated))
    it(rule.says, () => {
      const b = createBuilder();
      const random = createRandom(11);
      const op = rule.op as Parameters<typeof mapOf>[1];
      const dtype: DType = ["and", "or", "not"].includes(op)
        ? "bool"
        : ["floordiv", "mod"].includes(op)
          ? "i32"
          : "f32";
      const arity =
        op === "select"
          ? 3
          : [
                "add",
                "sub",
                "mul",
                "div",
                "pow",
                "min",
                "max",
                "floordiv",
                "mod",
                "eq",
                "ne",
                "lt",
                "le",
                "and",
                "or",
              ].includes(op)
            ? 2
            : 1;
      const typeAt = (n: number): DType => (op === "select" && n === 0 ? "bool" : dtype);
      const isFold = rule.says.endsWith("constant");
      const isSwap = / => \w+\(x, a\)$/.test(rule.says);
      const inputs = Array.from({ length: arity }, (_, n) => {
        if (isFold || (isSwap && n === 0))
          return splat(b, typeAt(n) === "bool" ? 1 : n + 1, typeAt(n), [T, D]);
        const x = leaf(b, `positive.${n}.${typeAt(n)}`, isSwap ? [T, D] : [D], typeAt(n));
        return isSwap ? x : b.broadcastTo(x, [T, D], [-1, 0]);
      });
      demandEqual(rule, mapOf(b, op, inputs), b, random);
    });
});
