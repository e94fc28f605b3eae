/**
 * The pullback of `repeat`: a region that runs the turns backwards.
 *
 * ```
 * x', y[t] = repeat(x, s[t], f)                                   forward; then also gives its residuals r[t]
 * dx, df, ds[t] = repeat reverse(dx', 0, dy[t], s[t], r[t], f)
 * ```
 * Cotangents of carries and the sums for fixed operands are carried; those of stacked operands are stacked.
 */
import type { Builder } from "../builder.js";
import type { Node, NodeOf } from "../graph.js";
import { bodyInputs } from "../ops/regions.js";
import type { Cotangents } from "../ops/row.js";
import { topological } from "../rewrite.js";
import type { Vocabulary } from "../vocabulary.js";
import { buildBackward } from "./backward.js";
import { dependents } from "./dependents.js";
import type { RegionPullback } from "./pullback.js";
import { pullback } from "./pullback.js";
import type { Remat } from "./residuals.js";
import type { Turn } from "./turn.js";
import { operandAt } from "./turn.js";

type Repeat = NodeOf<"repeat">;

export const repeatPullback =
  (remat: Remat): RegionPullback =>
  (b, region, dys, isActive) => {
    const turn = backwardTurn(b, region, dys, activeOperands(region, isActive), remat);
    const backward = buildBackward(b, region, turn, remat);
    const { carries } = region.attributes;
    const further = backward.residuals.filter((node) => !turn.forward.includes(node, carries));
    const attributes = extendForward(region, turn, further);
    const forward = b.make("repeat", region.inputs, attributes);
    const results = [...turn.forward, ...further];
    const stored = backward.residuals.map((node) => b.get(forward, results.indexOf(node, carries)));
    const made = b.make("repeat", backward.operands(dys, stored), backward.attributes);
    const cotangents = region.inputs.map((_, n) => {
      const at = backward.order.indexOf(n);
      return at < 0 ? undefined : b.get(made, at);
    });
    return { cotangents, attributes };
  };

/** Operands that a gradient flows to: the active ones, and carries that become active on the way. */
function activeOperands(region: Repeat, isActive: (operand: Node) => boolean): ReadonlySet<number> {
  const { body, carries } = region.attributes;
  const order = topological(body);
  const inputs = bodyInputs(body);
  const active = new Set(region.inputs.flatMap((x, n) => (x.dtype === "f32" && isActive(x) ? [n] : [])));
  for (let before = -1; before < active.size; ) {
    before = active.size;
    const found = dependents(
      order,
      new Set(inputs.filter((input) => active.has(operandAt(region, input) ?? -1))),
    );
    body.outputs.slice(0, carries).forEach(({ node }, n) => {
      if (node.dtype === "f32" && found.has(node)) active.add(n);
    });
  }
  return active;
}

function backwardTurn(
  b: Builder,
  region: Repeat,
  dys: Cotangents,
  active: ReadonlySet<number>,
  remat: Remat,
): Turn {
  const { body, carries } = region.attributes;
  const outputs = body.outputs.map(({ node }) => node);
  const seeds = outputs.map((y, n) =>
    (n < carries ? active.has(n) : dys[n]) ? b.input("fixed", `cotangent.${n}`, y.shape, y.dtype) : undefined,
  );
  const inputs = new Map(bodyInputs(body).map((input) => [operandAt(region, input) ?? -1, input as Node]));
  const wrt = new Set([...active].flatMap((n) => inputs.get(n) ?? []));
  const pairs = outputs.flatMap((y, n) => (seeds[n] ? [[y, seeds[n]] as const] : []));
  const { cotangents, extend } = pullback(b, topological(body), pairs, wrt, repeatPullback(remat));
  const operands = [...active].sort((x, y) => x - y).filter((n) => cotangents.has(inputs.get(n)!));
  const extended = extend([...outputs, ...operands.map((n) => cotangents.get(inputs.get(n)!)!)]);
  const gradients = region.inputs.map((_, n) =>
    operands.includes(n) ? extended[outputs.length + operands.indexOf(n)] : undefined,
  );
  return { forward: extended.slice(0, outputs.length), seeds, gradients };
}

/** The forward region with those residuals that are no results yet as further results. */
function extendForward({ attributes }: Repeat, turn: Turn, residuals: readonly Node[]): Vocabulary["repeat"] {
  const { body } = attributes;
  const outputs = body.outputs.map(({ name }, n) => ({ name, node: turn.forward[n]! }));
  const further = residuals.map((node, n) => ({ name: `residual.${outputs.length + n}`, node }));
  return { ...attributes, body: { name: body.name, outputs: [...outputs, ...further] } };
}
