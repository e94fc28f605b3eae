/**
 * Built, lengths, seed → a value for every leaf of its graphs, adversarial on purpose: no bias is zero, no gain is one, some
 * elements are large, some padding is there and some targets do not count. All are f32 numbers, so that devices get the same.
 *
 * ```
 * layers.0.mlp.b1 [256]    0.5 · normal            layer_norm.gain [64]    1 + 0.5 · normal
 * tokens [2, 5]            whole, below the bound   tokens.valid            rows of 5 and 3
 * ```
 */
import type { Built, Graph, InputInfo, Node, ParameterInfo } from "../ir/graph.js";
import type { Tensor } from "../ir/numbers/scalar.js";
import { countOf } from "../ir/numbers/tensor.js";
import { bodiesOf, topological } from "../ir/rewrite.js";
import type { Shape } from "../ir/shape.js";
import { evaluateSize } from "../ir/shape.js";
import type { Random } from "./random.js";
import { createRandom } from "./random.js";

export type Values = Readonly<Record<string, Tensor<number>>>;
export type LengthValues = Readonly<Record<string, number>>;

export const tensorOf = (sizes: readonly number[], element: (n: number) => number): Tensor<number> => ({
  sizes,
  data: Float64Array.from({ length: countOf(sizes) }, (_, n) => Math.fround(element(n))),
});

export const sizesOf = (shape: Shape, lengths: LengthValues): readonly number[] =>
  shape.map(({ size }) => evaluateSize(size, lengths));

/** Every twelfth element, in the mean, is four times as large. */
const wild = (random: Random): number => random.normal() * (random.uniform() < 1 / 12 ? 4 : 1);

export function drawParameter({ name, shape, init }: ParameterInfo, seed: number, as = name): Tensor<number> {
  const random = createRandom(seed, `parameter ${as}`);
  const sizes = sizesOf(shape, {});
  const middle = init.kind === "ones" ? 1 : init.kind === "constant" ? init.value : 0;
  const spread = sizes.length < 2 ? 0.5 : Math.min(0.6, 1.5 / Math.sqrt(sizes[0]!));
  return tensorOf(sizes, () => middle + spread * wild(random));
}

/** Parameters by their path names. */
export const drawParameters = (built: Built, seed: number): ReadonlyMap<string, Tensor<number>> =>
  new Map(built.parameters.map((p) => [p.name, drawParameter(p, seed)]));

/** Parameters as the leaves that hold them: the turns of a stack one after the other. */
export function leavesOf(built: Built, parameters: ReadonlyMap<string, Tensor<number>>): Values {
  const stacks = new Map<string, Tensor<number>[]>();
  const leaves: Record<string, Tensor<number>> = {};
  for (const { name, leaf, turn } of built.parameters) {
    const value = parameters.get(name)!;
    if (turn === undefined) leaves[leaf] = value;
    else {
      const stack = stacks.get(leaf) ?? [];
      stack[turn] = value;
      stacks.set(leaf, stack);
    }
  }
  for (const [leaf, stack] of stacks) leaves[leaf] = stacked(stack);
  return leaves;
}

function stacked(turns: readonly Tensor<number>[]): Tensor<number> {
  const each = turns[0]!.data.length;
  const data = new Float64Array(each * turns.length);
  turns.forEach((turn, n) => data.set(turn.data as Float64Array, n * each));
  return { sizes: [turns.length, ...turns[0]!.sizes], data };
}

/** Every input; what is derived of another one is made of it as a host would, with some padding. */
export function drawInputs(inputs: readonly InputInfo[], lengths: LengthValues, seed: number): Values {
  const given: Record<string, Tensor<number>> = {};
  for (const input of inputs) if (!input.derived) given[input.name] = drawInput(input, lengths, seed);
  for (const input of inputs) if (input.derived) given[input.name] = deriveInput(input, given, lengths, seed);
  return given;
}

export function drawInput(
  { name, shape, dtype, bound }: InputInfo,
  lengths: LengthValues,
  seed: number,
): Tensor<number> {
  const random = createRandom(seed, `input ${name}`);
  const sizes = sizesOf(shape, lengths);
  if (dtype === "i32") return tensorOf(sizes, () => random.below(bound ?? 3));
  if (dtype === "bool") return tensorOf(sizes, () => (random.uniform() < 0.75 ? 1 : 0));
  return tensorOf(sizes, () => wild(random));
}

/** An input that is made of the input `of` it in `given`. */
export function deriveInput(
  { name, derived, shape }: InputInfo,
  given: Values,
  lengths: LengthValues,
  seed: number,
): Tensor<number> {
  const random = createRandom(seed, `input ${name}`);
  const sizes = sizesOf(shape, lengths);
  const row = sizes.slice(1).reduce((a, b) => a * b, 1);
  const source = given[derived!.of]!;
  const skipped = (n: number): number => (random.uniform() < 0.15 ? -1 : source.data[n]!);
  switch (derived!.how) {
    case "next":
      return tensorOf(sizes, (n) => (n % row === row - 1 ? -1 : skipped(n + 1)));
    case "original":
      return tensorOf(sizes, skipped);
    case "valid":
      // The first row is whole, the next ones lack their ends.
      return tensorOf(sizes, (n) => (n % row < row - ((2 * Math.floor(n / row)) % row) ? 1 : 0));
    case "marks":
      return tensorOf(sizes, () => (random.uniform() < 0.3 ? 1 : 0));
    default:
      throw new Error(`internal: ${derived!.how satisfies never as string} is no way to derive an input`);
  }
}

/** The leaves that no table of Built lists: states and scalars of a graph. States are positive: some of them are means of squares. */
export function drawOthers(graph: Graph, lengths: LengthValues, seed: number): Values {
  const found: Record<string, Tensor<number>> = {};
  const visit = (node: Node): void => {
    for (const body of bodiesOf(node)) topological(body).forEach(visit);
    if (node.op !== "input") return;
    const { kind, name } = node.attributes;
    const random = createRandom(seed, `${kind} ${name}`);
    if (kind === "state")
      found[name] = tensorOf(sizesOf(node.shape, lengths), () => 0.05 + 0.2 * Math.abs(random.normal()));
    if (kind === "scalar") found[name] = tensorOf([], () => scalarValue(name, seed));
  };
  topological(graph).forEach(visit);
  return found;
}

const scalarValue = (name: string, seed: number): number =>
  name === "lr" ? 1e-3 : name === "step" ? 3 : name === "seed" ? seed : 0;
