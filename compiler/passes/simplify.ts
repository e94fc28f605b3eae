/**
 * simplify: Graph → equal Graph, no rule of the tables applies any more.
 *
 * ```
 * %2 = mul(%0, %1 = 1); %3 = transpose(%2) order=[1, 0]; %4 = transpose(%3) order=[1, 0]   →   %0
 * ```
 * Rewriting ends because every rule lowers, in this order, the arithmetic done, the weight of the term (rules.ts), or the
 * distance of layouts and constants from their normal places: broadcasts outside maps, transposes inside broadcasts and
 * labels, constants on the right.
 */
import { applyRules } from "./apply_rules.js";
import { contractionRules } from "./contraction_rules.js";
import { foldRules } from "./fold.js";
import { layoutRules } from "./layout_rules.js";
import type { Pass } from "./pass.js";
import type { Identity } from "./pattern.js";
import { applyIdentity } from "./pattern.js";
import { reductionRules } from "./reduction_rules.js";
import type { Rule } from "./rule.js";
import { readIdentities } from "./rules.js";

export const identityRule = (identity: Identity): Rule => ({
  says: identity.text,
  op: identity.left.op,
  apply: (node, { builder }) => applyIdentity(identity, node, builder),
});

/** Every rule: identities uncover constants, and constants identities. */
export const simplifyingRules = (): readonly Rule[] => [
  ...foldRules,
  ...readIdentities().map(identityRule),
  ...layoutRules,
  ...reductionRules,
  ...contractionRules,
];

const rules = simplifyingRules();

export const simplify: Pass = {
  name: "simplify",
  says: "left => right, for every rule of the tables, until none applies",
  from: 1,
  run: (graph, context) => applyRules(graph, rules, context),
};
