/**
 * (Graph, rules) → equal Graph to which no rule applies any more.
 *
 * Sweeps from the leaves up until a sweep changes nothing, then the bodies of regions. A rule that asks who else reads a node
 * learns it of the graph as the sweep found it; what a rule that asks nothing says of a node holds in every graph.
 */
import type { Graph, Node } from "../ir/graph.js";
import { topological } from "../ir/rewrite.js";
import type { OpName } from "../ir/vocabulary.js";
import type { PassContext } from "./pass.js";
import { createMemory, remembered } from "./pass.js";
import type { Rule, RuleContext } from "./rule.js";
import { graphKey, mapRegions, useCounts, withOutputs } from "./walk.js";

/** Rewrites of one node, and sweeps of one graph, after which rules are taken to chase each other. */
const patience = 100;

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
function sweep(graph: Graph, table: RuleTable, { builder, memory, explain }: PassContext): Graph {
  const { rewrites } = (explain ? undefined : memory) ?? createMemory();
  const uses = useCounts(graph);
  let asked = false;
  const context: RuleContext = {
    builder,
    explain,
    uses: (key) => {
      asked = true;
      return uses.get(key);
    },
  };
  const done = new Map<string, Node>();
  const applyFirst = (node: Node): Node | undefined => {
    const rules = table.get(node.op);
    if (!rules) return undefined;
    if (rewrites.has(node.key)) return rewrites.get(node.key);
    asked = false;
    const result = firstResult(rules, node, context);
    if (!asked) rewrites.set(node.key, result);
    return result;
  };
  const simplified = (node: Node, depth: number): Node => {
    const seen = done.get(node.key);
    if (seen) return seen;
    if (depth > patience) throw new Error(`internal: rules do not come to rest on ${node.op}`);
    const same = builder.remake(
      node,
      node.inputs.map((input) => simplified(input, depth + 1)),
    );
    const next = applyFirst(same);
    const result = next ? simplified(next, depth + 1) : same;
    done.set(same.key, result);
    done.set(node.key, result);
    return result;
  };
  for (const node of topological(graph)) simplified(node, 0);
  return withOutputs(graph, builder, (node) => done.get(node.key)!);
}

function firstResult(rules: readonly Rule[], node: Node, context: RuleContext): Node | undefined {
  for (const rule of rules) {
    const result = rule.apply(node, context);
    if (result && result.key !== node.key) return result;
  }
  return undefined;
}

/** Every sweep looks at a place again; one telling is enough. */
function once(explain: NonNullable<PassContext["explain"]>): typeof explain {
  const told = new Set<string>();
  return (node, why) => {
    const text = `${node.key} ${why}`;
    if (!told.has(text)) explain(node, why);
    told.add(text);
  };
}

/** Applies `rules` in `graph` and in the bodies of its regions until none applies. */
export function applyRules(graph: Graph, rules: readonly Rule[], asked: PassContext): Graph {
  const context = { ...asked, explain: asked.explain && once(asked.explain) };
  const table = byOp(rules);
  const inBody = (body: Graph): Graph => remembered(context, graphKey(body), () => rest(body));
  const rest = (start: Graph): Graph => {
    let current = start;
    for (let n = 0; n < patience; n++) {
      const next = sweep(current, table, context);
      if (graphKey(next) === graphKey(current)) return withBodies(next);
      current = next;
    }
    throw new Error(`internal: rules do not come to rest in ${graph.name}`);
  };
  const withBodies = (current: Graph): Graph => mapRegions(current, context.builder, inBody);
  return rest(graph);
}
