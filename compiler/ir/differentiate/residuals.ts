/**
 * Which values of a forward turn the backward turn reads from memory, and how it computes the others again.
 *
 * Constants, indices, random bits, slices and fixed operands are at hand in the backward turn. A layout op, a map or a look-up is
 * computed again where that needs no more stored elements than storing it would; everything else is stored, a contraction with
 * what is added to it. A value that is needed in slices which are as large as all of it is stored itself. A stored carry is the
 * one at the start of the turn.
 *
 * With `remat` layer nothing but carries is stored, and a backward turn computes what it needs of the forward turn from them.
 *
 * ```
 * x' = x + w₂ · h, h = tanh(w₁ · x)      none: stores x and h      layer: stores x, the backward turn has h = tanh(w₁ · x) again
 * ```
 */
import type { Node } from "../graph.js";
import { rowOf } from "../ops/index.js";
import { topologicalFrom } from "../rewrite.js";
import { elementCount, evaluateSize, symbolsIn } from "../shape.js";

/** What of a turn of a `repeat` is computed again for its gradients: what is cheap, or all of it. */
export type Remat = "none" | "layer";

/** A length of which nothing is known, for comparing sizes. */
const TYPICAL_LENGTH = 64;

function weight(node: Node): number {
  const count = elementCount(node.shape);
  return evaluateSize(count, Object.fromEntries(symbolsIn(count).map((name) => [name, TYPICAL_LENGTH])));
}

type Supply = "at hand" | "again" | "stored";

/** How a backward turn may come by the value. A slice is stored itself: what it is cut from may be much larger. */
function supply(node: Node): Supply {
  if (node.op === "input") return node.attributes.kind === "carry" ? "stored" : "at hand";
  if (node.inputs.length === 0 || node.op === "random") return "at hand";
  if (rowOf(node.op).kind === "map") return "again";
  const layout =
    node.op === "broadcast" || node.op === "transpose" || node.op === "reshape" || node.op === "pad";
  return layout || node.op === "concat" || node.op === "gather" ? "again" : "stored";
}

/** The values to store so that every one of `needed` (operands before users) can be had. */
export function chooseResiduals(
  order: readonly Node[],
  needed: ReadonlySet<Node>,
  remat: Remat,
): ReadonlySet<Node> {
  return remat === "layer" ? carriesBelow(needed) : cheapest(order, needed);
}

/** All else of a turn follows from these and from what is at hand. */
const carriesBelow = (needed: ReadonlySet<Node>): ReadonlySet<Node> =>
  new Set(
    topologicalFrom([...needed]).filter((node) => node.op === "input" && node.attributes.kind === "carry"),
  );

function cheapest(order: readonly Node[], needed: ReadonlySet<Node>): ReadonlySet<Node> {
  const chosen = new Set<Node>();
  const split = splitValues(order, needed);
  const readers = readerCounts(order);
  const isSplit = (node: Node): boolean => node.op === "slice" && split.has(node.inputs[0]!);
  const sources = new Map<Node, readonly Node[]>();
  const choose = (nodes: readonly Node[]): void => nodes.forEach((node) => void chosen.add(node));
  const cost = (nodes: readonly Node[]): number =>
    nodes.reduce((sum, node) => sum + (chosen.has(node) ? 0 : weight(node)), 0);

  /** A contraction that only a sum reads is stored as the sum, which its kernel computes as well. */
  const isBias = (node: Node, [value, ...more]: readonly Node[]): boolean =>
    node.op === "add" &&
    value?.op === "contract" &&
    more.length === 0 &&
    node.inputs.includes(value) &&
    readers.get(value) === 1 &&
    !needed.has(value);

  for (const node of order)
    if (needed.has(node) && supply(node) === "stored" && !isSplit(node)) chosen.add(node);
  for (const node of order) {
    const how = supply(node);
    const below = [...new Set(node.inputs.flatMap((input) => sources.get(input)!))];
    if (how === "at hand" && below.length === 0) sources.set(node, []);
    else if (isSplit(node) || (node.op === "slice" && cost(below) === 0)) sources.set(node, below);
    else if (isBias(node, below)) sources.set(node, [node]);
    else if (how !== "stored" && cost(below) <= weight(node)) sources.set(node, below);
    else sources.set(node, [node]);
    if (needed.has(node) || split.has(node)) choose(sources.get(node)!);
  }
  const users = usersIn(order);
  return new Set([...chosen].map((node) => lifted(node, needed, users)));
}

/**
 * The value to store for a contraction: as long as it has one reader that is no larger, that one. The kernel of the contraction
 * stores what follows it, `contract + bias`, and would have to store the sum below it as well.
 */
function lifted(node: Node, needed: ReadonlySet<Node>, users: ReadonlyMap<Node, readonly Node[]>): Node {
  let top = node;
  while (node.op === "contract" && !needed.has(top)) {
    const [user, ...others] = users.get(top) ?? [];
    if (!user || others.length > 0 || rowOf(user.op).kind !== "map" || weight(user) > weight(top)) break;
    top = user;
  }
  return top;
}

function usersIn(order: readonly Node[]): ReadonlyMap<Node, readonly Node[]> {
  const users = new Map<Node, Node[]>();
  for (const node of order)
    for (const input of new Set(node.inputs)) users.set(input, [...(users.get(input) ?? []), node]);
  return users;
}

function readerCounts(order: readonly Node[]): ReadonlyMap<Node, number> {
  const counts = new Map<Node, number>();
  for (const node of order)
    for (const input of new Set(node.inputs)) counts.set(input, (counts.get(input) ?? 0) + 1);
  return counts;
}

/** What is wanted in slices that are together at least as large as itself. */
function splitValues(order: readonly Node[], needed: ReadonlySet<Node>): ReadonlySet<Node> {
  const wanted = new Set(needed);
  const slices = new Map<Node, number>();
  const split = new Set<Node>();
  for (const node of [...order].reverse()) {
    if ((slices.get(node) ?? 0) >= weight(node)) split.add(node);
    if (!wanted.has(node) && !split.has(node)) continue;
    if (node.op === "slice") slices.set(node.inputs[0]!, (slices.get(node.inputs[0]!) ?? 0) + weight(node));
    else if (supply(node) === "again") for (const input of node.inputs) wanted.add(input);
  }
  return split;
}
