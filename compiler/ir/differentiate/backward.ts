/**
 * A backward turn over forward nodes → the body of the backward region, and what it is given.
 *
 * carries: cotangents of the forward carries, then sums for fixed operands · slices: cotangents of stacked results, stacked
 * operands, residuals · fixed: fixed operands · outputs: the next carries, then cotangents of stacked operands.
 */
import type { Builder } from "../builder.js";
import type { Node, NodeOf } from "../graph.js";
import type { Cotangents } from "../ops/row.js";
import { topologicalFrom } from "../rewrite.js";
import type { InputKind, Vocabulary } from "../vocabulary.js";
import { dependents } from "./dependents.js";
import type { Remat } from "./residuals.js";
import { chooseResiduals } from "./residuals.js";
import type { Turn } from "./turn.js";
import { operandAt } from "./turn.js";

export interface Backward {
  readonly attributes: Vocabulary["repeat"];
  /** Nodes of the forward body to be stored for each turn. */
  readonly residuals: readonly Node[];
  /** Which operand of the forward region each result is the cotangent of. */
  readonly order: readonly number[];
  operands(dys: Cotangents, residuals: readonly Node[]): readonly Node[];
}

export function buildBackward(b: Builder, region: NodeOf<"repeat">, turn: Turn, remat: Remat): Backward {
  const { carries, slices, body } = region.attributes;
  const withGradient = region.inputs.flatMap((_, n) => (turn.gradients[n] ? [n] : []));
  const carried = turn.seeds.flatMap((seed, n) => (seed && n < carries ? [n] : []));
  const results = turn.seeds.flatMap((seed, n) => (seed && n >= carries ? [n] : []));
  const sums = withGradient.filter((n) => n >= carries + slices);
  const stacks = withGradient.filter((n) => n >= carries && n < carries + slices);

  const roots = turn.gradients.filter((node) => node !== undefined);
  const order = topologicalFrom(roots);
  const residuals = residualsOf(order, roots, turn, remat);
  const required = requiredFrom(
    order,
    roots,
    new Set([...residuals, ...turn.seeds.filter((seed) => seed !== undefined)]),
  );
  const operandsUsed = usedOperands(region, order, required, residuals);
  const stackedUsed = operandsUsed.filter((n) => n < carries + slices);
  const fixedUsed = operandsUsed.filter((n) => n >= carries + slices);

  const local = (kind: InputKind, n: number, like: Node): Node =>
    b.input(kind, `${kind}.${n}`, like.shape, like.dtype);
  const given = new Map<Node, Node>();
  carried.forEach((n, k) => void given.set(turn.seeds[n]!, local("carry", k, turn.seeds[n]!)));
  results.forEach((n, k) => void given.set(turn.seeds[n]!, local("slice", k, turn.seeds[n]!)));
  for (const node of order) {
    if (node.op !== "input" || !required.has(node) || residuals.includes(node)) continue;
    const n = operandAt(region, node);
    if (given.has(node) || n === undefined) continue;
    const at = n < carries + slices ? results.length + stackedUsed.indexOf(n) : fixedUsed.indexOf(n);
    given.set(node, local(n < carries + slices ? "slice" : "fixed", at, node));
  }
  residuals.forEach(
    (node, k) => void given.set(node, local("slice", results.length + stackedUsed.length + k, node)),
  );

  const values = rebuild(b, order, required, given);
  const zero = (n: number): Node => b.full(0, region.inputs[n]!.shape, "f32");
  const gradient = (n: number): Node => (turn.gradients[n] ? values.get(turn.gradients[n])! : zero(n));
  const outputs = [
    ...carried.map(gradient),
    ...sums.map((n, k) => b.add(local("carry", carried.length + k, region.inputs[n]!), gradient(n))),
    ...stacks.map(gradient),
  ];
  return {
    attributes: {
      ...region.attributes,
      body: {
        name: `${body.name}.backward`,
        outputs: outputs.map((node, n) => ({ name: `cotangent.${n}`, node })),
      },
      reverse: !region.attributes.reverse,
      carries: carried.length + sums.length,
      slices: results.length + stackedUsed.length + residuals.length,
    },
    residuals,
    order: [...carried, ...sums, ...stacks],
    operands: (dys, stored) => [
      ...carried.map((n) => dys[n] ?? zero(n)),
      ...sums.map(zero),
      ...results.map((n) => dys[n]!),
      ...stackedUsed.map((n) => region.inputs[n]!),
      ...stored,
      ...fixedUsed.map((n) => region.inputs[n]!),
    ],
  };
}

/** What the backward turn needs of the forward turn and has to find stored. */
function residualsOf(
  order: readonly Node[],
  roots: readonly Node[],
  turn: Turn,
  remat: Remat,
): readonly Node[] {
  const backward = dependents(order, new Set(turn.seeds.filter((seed) => seed !== undefined)));
  const uses = [...roots, ...order.filter((node) => backward.has(node)).flatMap((node) => node.inputs)];
  const needed = new Set(uses.filter((node) => !backward.has(node)));
  return [
    ...chooseResiduals(
      order.filter((node) => !backward.has(node)),
      needed,
      remat,
    ),
  ];
}

/** What has to be computed for `roots` when the values of `given` are there. */
function requiredFrom(
  order: readonly Node[],
  roots: readonly Node[],
  given: ReadonlySet<Node>,
): ReadonlySet<Node> {
  const required = new Set(roots);
  for (let n = order.length - 1; n >= 0; n--) {
    const node = order[n]!;
    if (required.has(node) && !given.has(node)) for (const input of node.inputs) required.add(input);
  }
  return required;
}

/** The stacked and fixed operands of the forward region that the backward turn reads. */
function usedOperands(
  region: NodeOf<"repeat">,
  order: readonly Node[],
  required: ReadonlySet<Node>,
  residuals: readonly Node[],
): readonly number[] {
  const used = new Set<number>();
  for (const node of order) {
    if (node.op !== "input" || !required.has(node) || residuals.includes(node)) continue;
    if (node.attributes.name.startsWith("cotangent.")) continue;
    const n = operandAt(region, node);
    if (n !== undefined) used.add(n);
  }
  return [...used].sort((x, y) => x - y);
}

function rebuild(
  b: Builder,
  order: readonly Node[],
  required: ReadonlySet<Node>,
  given: ReadonlyMap<Node, Node>,
): ReadonlyMap<Node, Node> {
  const values = new Map(given);
  for (const node of order)
    if (required.has(node) && !values.has(node))
      values.set(
        node,
        b.remake(
          node,
          node.inputs.map((input) => values.get(input)!),
        ),
      );
  return values;
}
