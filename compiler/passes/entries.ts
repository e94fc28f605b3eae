/**
 * Built → the entry graphs: what the model computes, its loss, its gradients, and one step of training.
 *
 * ```
 * loss:  loss.sum, loss.count, without dropout
 * grad:  + grad.<leaf>        = ∂(sum / count) / ∂leaf
 * train: + grad_norm          = ‖grad‖₂ over all leaves, before clipping
 *        + parameter.<leaf>   = optimizer(leaf, grad · min(1, clip / (grad_norm + 1e-6)))
 *        + state.<state>/<leaf>
 * ```
 *
 * Where the recipe accumulates, a step may also come in parts. Sums and counts add up, so the parts weigh as they do in one batch:
 *
 * ```
 * accumulate: + state.accumulated.sum/<leaf>  = what was there + ∂sum / ∂leaf, and so for loss.sum and loss.count
 * apply:      as train, from those sums, which are empty afterwards
 * ```
 */
import type { Builder } from "../ir/builder.js";
import type { Remat } from "../ir/differentiate/residuals.js";
import { differentiate } from "../ir/differentiate.js";
import type { Built, Graph, Node, OptimizerRule, Output } from "../ir/graph.js";
import { topological } from "../ir/rewrite.js";

export interface Entries {
  readonly forward: Graph;
  readonly loss: Graph | undefined;
  readonly grad: Graph | undefined;
  readonly train: Graph | undefined;
  readonly accumulate: Graph | undefined;
  readonly apply: Graph | undefined;
}

/** The states of accumulation. An optimizer's state is one identifier, so none of its leaves begins like this. */
const SUM = "accumulated.sum";

/** Added to the norm before dividing, as PyTorch's clip_grad_norm_ does. */
const CLIP_EPSILON = 1e-6;

/** `remat`: what of each turn of a `repeat` is computed again for its gradients. */
export function deriveEntries(built: Built, b: Builder, remat: Remat = "none"): Entries {
  const { forward, loss, optimizer } = built;
  const none = {
    loss: undefined,
    grad: undefined,
    train: undefined,
    accumulate: undefined,
    apply: undefined,
  };
  if (!loss) return { forward, ...none };
  const leaves = trainableLeaves(loss, built);
  const { graph, gradients } = differentiate(loss, { loss: "loss.sum", wrt: leaves, remat }, b);
  const sums: Sums = { losses: graph.outputs, leaves, gradients };
  const mean = gradients.map((gradient) => b.mul(gradient, perCount(sums, b)));
  const parted = built.recipe.accumulate > 1 ? optimizer : undefined;
  return {
    forward,
    loss: built.evaluation ?? loss,
    grad: {
      name: "grad",
      outputs: [...graph.outputs, ...mean.flatMap((node, n) => gradientsOf(built, leaves[n]!, node, b))],
    },
    train: optimizer && {
      name: "train",
      outputs: [...graph.outputs, ...update(built, optimizer, sums, b)],
    },
    accumulate: parted && accumulateGraph(sums, b),
    apply: parted && applyGraph(built, parted, sums, b),
  };
}

/** The gradient of a leaf under the name, or of a packed leaf under the names, that the model gave. */
function gradientsOf(built: Built, leaf: Node, gradient: Node, b: Builder): readonly Output[] {
  const parts = new Map(
    built.parameters.flatMap((p) => (p.part && p.leaf === nameOf(leaf) ? [[p.part.of, p] as const] : [])),
  );
  if (parts.size === 0) return [{ name: `grad.${nameOf(leaf)}`, node: gradient }];
  return [...parts].map(([name, { part, turn, shape }]) => {
    const turns = turn === undefined ? [] : gradient.shape.slice(0, 1);
    const slice = b.slice(gradient, part!.axis + turns.length, part!.start, part!.size);
    return { name: `grad.${name}`, node: b.reshape(slice, [...turns, ...shape]) };
  });
}

/** What a batch adds up to: `loss.sum` and `loss.count`, and the gradient of `loss.sum` for each leaf. */
interface Sums {
  readonly losses: readonly Output[];
  readonly leaves: readonly Node[];
  readonly gradients: readonly Node[];
}

/** A batch in which nothing counts has zero loss and zero gradient, not NaN. */
function perCount({ losses }: Sums, b: Builder): Node {
  const count = losses.find(({ name }) => name === "loss.count")!.node;
  return b.div(b.const(1, "f32"), b.max(count, b.const(1, "f32"))); // []
}

function accumulateGraph(sums: Sums, b: Builder): Graph {
  const before = accumulated(sums, b);
  const grown = named(sums).map(({ name, node }, n) => ({
    name: `state.${SUM}/${name}`,
    node: b.add(named(before)[n]!.node, node),
  }));
  return { name: "accumulate", outputs: [...sums.losses, ...grown] };
}

/** The emptied sums come last: everything else has read them by then. */
function applyGraph(built: Built, optimizer: OptimizerRule, sums: Sums, b: Builder): Graph {
  const all = accumulated(sums, b);
  const emptied = named(all).map(({ name, node }) => ({
    name: `state.${SUM}/${name}`,
    node: b.broadcastTo(b.const(0, "f32"), node.shape, []),
  }));
  return { name: "apply", outputs: [...all.losses, ...update(built, optimizer, all, b), ...emptied] };
}

/** The sums as they lie in the states. */
function accumulated({ losses, leaves, gradients }: Sums, b: Builder): Sums {
  const state = (name: string, { shape, dtype }: Node): Node =>
    b.input("state", `${SUM}/${name}`, shape, dtype);
  return {
    losses: losses.map(({ name, node }) => ({ name, node: state(name, node) })),
    leaves,
    gradients: gradients.map((gradient, n) => state(nameOf(leaves[n]!), gradient)),
  };
}

const named = ({ losses, leaves, gradients }: Sums): readonly Output[] => [
  ...losses,
  ...gradients.map((node, n) => ({ name: nameOf(leaves[n]!), node })),
];

/** Parameters of the loss that are not frozen, in the order of the model. */
function trainableLeaves(loss: Graph, built: Built): readonly Node[] {
  const trainable = new Map(built.parameters.filter((p) => !p.frozen).map((p, n) => [p.leaf, n]));
  const order = (node: Node): number => trainable.get(nameOf(node))!;
  return topological(loss)
    .filter(
      (node) =>
        node.op === "input" && node.attributes.kind === "parameter" && trainable.has(node.attributes.name),
    )
    .sort((x, y) => order(x) - order(y));
}

function update(built: Built, optimizer: OptimizerRule, sums: Sums, b: Builder): readonly Output[] {
  const { leaves, gradients } = sums;
  const scale = perCount(sums, b); // []
  const decays = new Map(built.parameters.map((p) => [p.leaf, p.decay]));
  const squares = gradients.map((g) =>
    b.sum(
      b.mul(g, g),
      g.shape.map((_, axis) => axis),
    ),
  ); // []
  const total = squares.reduce((sum, square) => b.add(sum, square), b.const(0, "f32"));
  const norm = b.mul(b.sqrt(total), scale); // []
  const factor = b.mul(scale, clipFactor(norm, built.recipe.clip, b)); // []
  const outputs: Output[] = [{ name: "grad_norm", node: norm }];
  leaves.forEach((leaf, n) => {
    const name = nameOf(leaf);
    const gradient = b.mul(gradients[n]!, factor);
    const states = optimizer.states.map((state) =>
      b.input("state", `${state.name}/${name}`, leaf.shape, leaf.dtype),
    );
    const next = optimizer.apply(leaf, gradient, states, decays.get(name)!);
    outputs.push({ name: `parameter.${name}`, node: next.parameter });
    next.states.forEach((node, k) =>
      outputs.push({ name: `state.${optimizer.states[k]!.name}/${name}`, node }),
    );
  });
  return outputs;
}

function clipFactor(norm: Node, clip: number | undefined, b: Builder): Node {
  if (clip === undefined) return b.const(1, "f32");
  return b.min(b.const(1, "f32"), b.div(b.const(clip, "f32"), b.add(norm, b.const(CLIP_EPSILON, "f32"))));
}

function nameOf(leaf: Node): string {
  if (leaf.op !== "input") throw new Error(`internal: ${leaf.op} is no leaf`);
  return leaf.attributes.name;
}
