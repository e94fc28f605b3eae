/** Every rule: both sides are equal on random tensors; identities make terms smaller, so that rewriting ends. */
import { describe, expect, it } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { ops } from "../../compiler/ir/ops/index.js";
import type { DType } from "../../compiler/ir/shape.js";
import { contractionRules } from "../../compiler/passes/contraction_rules.js";
import { factoringRules } from "../../compiler/passes/factor_reductions.js";
import { foldRules } from "../../compiler/passes/fold.js";
import { layoutRules } from "../../compiler/passes/layout_rules.js";
import { mapOf, splat } from "../../compiler/passes/nodes.js";
import { reductionRules } from "../../compiler/passes/reduction_rules.js";
import type { Rule } from "../../compiler/passes/rule.js";
import { readIdentities, weight } from "../../compiler/passes/rules.js";
import { createRandom } from "./support/random.js";
import { identityFault, ruleFault } from "./support/rule-check.js";
import { D, examples, leaf, T } from "./support/rule-examples.js";

describe("identities", () => {
  for (const identity of readIdentities())
    it(identity.text, () => expect(identityFault(identity)).toBeUndefined());

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
      expect(ruleFault(rule, example!(b), b, createRandom(7))).toBeUndefined();
    });

  for (const rule of rules.filter(generated))
    it(rule.says, () => {
      const b = createBuilder();
      const random = createRandom(11);
      const op = rule.op as Parameters<typeof mapOf>[1];
      const dtype: DType = ["and", "or", "not"].includes(op)
        ? "bool"
        : ["floordiv", "mod", "hash"].includes(op)
          ? "i32"
          : "f32";
      const row = ops[op];
      const arity = row.kind === "map" ? row.arity : 1;
      const typeAt = (n: number): DType => (op === "select" && n === 0 ? "bool" : dtype);
      const isFold = rule.says.endsWith("constant");
      const isSwap = / => \w+\(x, a\)$/.test(rule.says);
      const inputs = Array.from({ length: arity }, (_, n) => {
        if (isFold || (isSwap && n === 0))
          return splat(b, typeAt(n) === "bool" ? 1 : n + 1, typeAt(n), [T, D]);
        const x = leaf(b, `positive.${n}.${typeAt(n)}`, isSwap ? [T, D] : [D], typeAt(n));
        return isSwap ? x : b.broadcastTo(x, [T, D], [-1, 0]);
      });
      expect(ruleFault(rule, mapOf(b, op, inputs), b, random)).toBeUndefined();
    });
});
