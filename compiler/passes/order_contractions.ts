/**
 * order_contractions: a product of several tensors → the same sums in the order that needs fewest operations.
 *
 * ```
 * %3 = contract(%q, %k) "ic,jc->ij" : f32 [t=T, s=T]         %3 = contract(%k, %v) "jc,je->ce" : f32 [c=64, e=64]
 * %4 = contract(%3, %v) "ij,je->ie" : f32 [t=T, e=64]   →   %4 = contract(%q, %3) "ic,ce->ie" : f32 [t=T, e=64]
 * ```
 * Counted at the lengths at which the graph usually runs. A step on the way that something else reads stays: it would have to be computed as well.
 */
import type { Builder } from "../ir/builder.js";
import type { Graph, Node, NodeOf } from "../ir/graph.js";
import { topological } from "../ir/rewrite.js";
import { applyRules } from "./apply_rules.js";
import { spread } from "./nodes.js";
import type { Chain } from "./order/chain.js";
import { chainOf, isChain } from "./order/chain.js";
import type { Lengths, Order, Weighed } from "./order/orders.js";
import { weigh } from "./order/orders.js";
import type { Pass } from "./pass.js";
import type { Rule, RuleContext } from "./rule.js";
import { isOp, rule, usedOnce } from "./rule.js";

/** Of the operations as written: an order that needs more than this part of them is not worth another rounding. */
const WORTH = 0.9;
/** Of the largest tensor that the product reads, makes or gives as written: no intermediate may have more elements than so many times it. */
const ROOM = 2;

function made({ labels, parts, factor }: Order, b: Builder): Node {
  if (!parts) return factor!.x;
  const [left, right] = parts;
  return b.contract(made(left, b), made(right, b), { a: left.labels, b: right.labels, out: labels });
}

function built({ scalars }: Chain, order: Order, b: Builder): Node {
  const product = made(order, b);
  const times = (x: Node, scalar: Node): Node => b.mul(x, spread(b, scalar, x.shape));
  return scalars.reduce(times, product);
}

const isWorth = ({ best, written }: Weighed): boolean =>
  best !== undefined && best.operations <= WORTH * written;

/** What keeps a product as it is that another order would make cheaper; `all`: as if nothing else read what is made on the way. */
function whyNot(chain: Chain | undefined, all: Chain | undefined, lengths: Lengths): string | undefined {
  const counts = ({ best, written }: Weighed): string =>
    `${best?.operations} operations instead of ${written}`;
  const free = chain && weigh(chain, lengths, Number.POSITIVE_INFINITY);
  if (free && isWorth(free))
    return `Another order would need ${counts(free)}, with a tensor more than ${ROOM} times the largest of this one.`;
  if (free?.best && free.best.operations < free.written)
    return `Another order would need ${counts(free)}, which is hardly fewer.`;
  const shared = all && weigh(all, lengths, ROOM);
  return shared && isWorth(shared)
    ? `Another order would need ${counts(shared)}, but what this one makes on the way is read elsewhere too.`
    : undefined;
}

export const orderingRule = (lengths: Lengths): Rule =>
  rule("contract", "contract(contract(x, y), z) => contract(x, contract(y, z))", (node, context) => {
    const { builder: b, explain } = context;
    const chain = chainOf(node, b, (one) => usedOnce(one, context));
    const found = chain && weigh(chain, lengths, ROOM);
    if (chain && found && isWorth(found)) return built(chain, found.best!, b);
    if (explain) tell(node, chain, lengths, context);
    return undefined;
  });

function tell(
  node: NodeOf<"contract"> & Node,
  chain: Chain | undefined,
  lengths: Lengths,
  { builder: b, explain }: RuleContext,
): void {
  const all = chainOf(node, b, () => true);
  const why = whyNot(chain, all, lengths);
  if (why) explain?.(node, why);
}

/** Whether some product stands in another, whoever else reads it. */
function hasChain(graph: Graph): boolean {
  return topological(graph).some(
    (node) =>
      (isOp(node, "contract") && isChain(node, () => true)) ||
      (isOp(node, "repeat") && hasChain(node.attributes.body)),
  );
}

export const orderContractions: Pass = {
  name: "order_contractions",
  says: "(x · y) · z => x · (y · z), where that needs fewer operations",
  from: 2,
  // What is best depends on the lengths, which are others in another graph: nothing is remembered.
  run: (graph, context) =>
    hasChain(graph)
      ? applyRules(graph, [orderingRule(context.lengths ?? {})], { ...context, memory: undefined })
      : graph,
};
