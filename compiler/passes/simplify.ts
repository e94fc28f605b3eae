/**
 * simplify: Graph → equal Graph, no rule of the tables applies any more.
 *
 * ```
 * %2 = mul(%0, %1 = 1); %3 = transpose(%2) order=[1, 0]; %4 = transpose(%3) order=[1, 0]   →   %0
 * ```
 * Sweeps from the leaves up until a sweep changes nothing. Rewriting ends because every rule lowers, in this order, the
 * arithmetic done, the weight of the term (rules.ts), or the distance of layouts and constants from their normal places:
 * broadcasts outside maps, transposes inside broadcasts and labels, constants on the right.
 */
import type { Graph, Node } from "../ir/graph.js";
import type { OpName } from "../ir/vocabulary.js";
import { contractionRules } from "./contraction_rules.js";
import { layoutRules } from "./layout_rules.js";
import type { Pass, PassContext } from "./pass.js";
import { applyIdentity } from "./pattern.js";
import { reductionRules } from "./reduction_rules.js";
import type { Rule } from "./rule.js";
import { readIdentities } from "./rules.js";
import { graphKey, mapRegions, nodesOf, rebuild, useCounts, withOutputs } from "./walk.js";

/** Rewrites of one node, and sweeps of one graph, after which rules are taken to chase each other. */
const patience = 100;

/** Every rule, the textual ones read. */
export const simplifyingRules = (): readonly Rule[] => [
  ...readIdentities().map(
    (identity): Rule => ({
      says: identity.text,
      op: identity.left.op,
      apply: (node, { builder }) => applyIdentity(identity, node, builder),
    }),
  ),
  ...layoutRules,
  ...reductionRules,
  ...contractionRules,
];

type RuleTable = ReadonlyMap<OpName, readonly Rule[]>;

function byOp(rules: readonly Rule[]): RuleTable {
  const table = new Map<OpName, Rule[]>();
  for (const rule of rules) {
    const row = table.get(rule.op);
    if (row) row.push(rule);
    else table.set(rule.op, [rule]);
  }
  return table;
}

/** One sweep: every node rebuilt on simplified inputs, then rewritten until no rule applies to it or what it became. */
function sweep(graph: Graph, table: RuleTable, { builder }: PassContext): Graph {
  const uses = useCounts(graph);
  const context = { builder, uses: (node: Node) => uses.get(node.key) };
  const done = new Map<string, Node>();
  const applyFirst = (node: Node): Node | undefined => {
    for (const rule of table.get(node.op) ?? []) {
      const result = rule.apply(node, context);
      if (result && result.key !== node.key) return result;
    }
    return undefined;
  };
  const simplified = (node: Node, depth: number): Node => {
    const seen = done.get(node.key);
    if (seen) return seen;
    if (depth > patience) throw new Error(`internal: rules do not come to rest on ${node.op}`);
    const same = rebuild(builder, node, node.inputs.map((input) => simplified(input, depth + 1)));
    const next = applyFirst(same);
    const result = next ? simplified(next, depth + 1) : same;
    done.set(same.key, result);
    done.set(node.key, result);
    return result;
  };
  for (const node of nodesOf(graph)) simplified(node, 0);
  return withOutputs(graph, builder, (node) => done.get(node.key)!);
}

/** Applies `rules` in `graph` and in the bodies of its regions until none applies. */
export function applyRules(graph: Graph, rules: readonly Rule[], context: PassContext): Graph {
  const table = byOp(rules);
  const rest = (current: Graph): Graph => {
    for (let n = 0; n < patience; n++) {
      const next = sweep(current, table, context);
      if (graphKey(next) === graphKey(current)) return withBodies(next);
      current = next;
    }
    throw new Error(`internal: rules do not come to rest in ${graph.name}`);
  };
  const withBodies = (current: Graph): Graph => mapRegions(current, context.builder, rest);
  return rest(graph);
}

export const simplify: Pass = {
  name: "simplify",
  says: "left => right, for every rule of the tables, until none applies",
  from: 1,
  run: (graph, context) => applyRules(graph, simplifyingRules(), context),
};
