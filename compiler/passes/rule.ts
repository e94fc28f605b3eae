/**
 * Rule: one local rewrite, node → equal node, cheaper or in a more regular form.
 *
 * ```
 * %2 = transpose(%1) order=[1, 0]; %3 = transpose(%2) order=[1, 0]   →   %1
 * ```
 */
import type { Builder } from "../ir/builder.js";
import type { Node, NodeOf } from "../ir/graph.js";
import type { MapOp, OpName } from "../ir/vocabulary.js";

export interface RuleContext {
  readonly builder: Builder;
  /** How many operands and outputs of the graph are the node with this key; undefined for a node that this sweep made. */
  uses(key: string): number | undefined;
  /** Told of a near match and why it was left. */
  readonly explain?: ((node: Node, why: string) => void) | undefined;
}

export interface Rule {
  /** The equation, for dumps and messages. */
  readonly says: string;
  /** The op at the root of its left side. */
  readonly op: OpName;
  apply(node: Node, context: RuleContext): Node | undefined;
}

/** A rule whose sides need shapes: `apply` gets its node typed. */
export function rule<K extends OpName>(
  op: K,
  says: string,
  apply: (node: NodeOf<K>, context: RuleContext) => Node | undefined,
): Rule {
  return { says, op, apply: (node, context) => (isOp(node, op) ? apply(node, context) : undefined) };
}

/** A rule for a map whose op is known only at run time. */
export const mapRule = (op: MapOp, says: string, apply: Rule["apply"]): Rule => ({
  says,
  op,
  apply: (node, context) => (node.op === op ? apply(node, context) : undefined),
});

export function isOp<K extends OpName>(node: Node | undefined, op: K): node is NodeOf<K> & Node {
  return node?.op === op;
}

/** Whether `node` is read by one node alone, so that replacing its reader makes it vanish. */
export const usedOnce = (node: Node, context: RuleContext): boolean => context.uses(node.key) === 1;
