/**
 * Built, lengths, seed → a value for every leaf of its graphs, adversarial on purpose: no bias is zero, no gain is one, some
 * elements are large, some padding is there and some targets do not count. All are f32 numbers, so that devices get the same.
 *
 * ```
 * layers.0.mlp.b1 [256]    0.5 · normal            layer_norm.gain [64]    1 + 0.5 · normal
 * tokens [2, 5]            whole, below the bound   tokens.valid            rows of 5 and 3
 * ```
 */
import type { Built, Graph, InputInfo, Node, NodeOf, ParameterInfo, Part } from "../ir/graph.js";
import type { Tensor } from "../ir/numbers/scalar.js";
import { countOf } from "../ir/numbers/tensor.js";
import { rowsOf } from "../ir/parts.js";
import { bodiesOf, topological } from "../ir/rewrite.js";
import type { Shape } from "../ir/shape.js";
import { evaluateSize } from "../ir/shape.js";
import { position } from "../passes/decoding/graphs.js";
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

/** Parameters as the leaves that hold them: the turns of a stack one after the other, the parts of a turn side by side. */
export function leavesOf(
  { parameters }: Pick<Built, "parameters">,
  values: ReadonlyMap<string, Tensor<number>>,
): Values {
  const leaves: Record<string, Tensor<number>> = {};
  for (const info of parameters) {
    leaves[info.leaf] ??= emptyLeaf(info, parameters);
    const { data } = leaves[info.leaf]!;
    const { start, width, pitch, count, turn } = rowsOf(info);
    const own = values.get(info.name)!.data as Float64Array;
    for (let row = 0; row < count; row++)
      (data as Float64Array).set(
        own.subarray(row * width, (row + 1) * width),
        (info.turn ?? 0) * turn + start + row * pitch,
      );
  }
  return leaves;
}

/** A leaf of zeros. */
function emptyLeaf(info: ParameterInfo, all: readonly ParameterInfo[]): Tensor<number> {
  const { leaf, shape, turn, part } = info;
  const turns =
    turn === undefined ? [] : [new Set(all.flatMap((p) => (p.leaf === leaf ? [p.turn] : []))).size];
  const own = sizesOf(shape, {});
  const sizes = part ? packedSizes(own, part) : own;
  return { sizes: [...turns, ...sizes], data: new Float64Array(countOf([...turns, ...sizes])) };
}

/** The axes of a part that lie along the packed one are one axis of the leaf. */
const packedSizes = (sizes: readonly number[], { axis, axes, whole }: Part): readonly number[] => [
  ...sizes.slice(0, axis),
  whole,
  ...sizes.slice(axis + axes),
];

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

/** The leaves that no table of Built lists: states, caches, scalars. States are positive: some of them are means of squares. */
export function drawOthers(graph: Graph, lengths: LengthValues, seed: number): Values {
  const found: Record<string, Tensor<number>> = {};
  const visit = (node: Node): void => {
    for (const body of bodiesOf(node)) topological(body).forEach(visit);
    if (node.op !== "input") return;
    const value = otherValue(node, lengths, seed);
    if (value) found[node.attributes.name] = value;
  };
  topological(graph).forEach(visit);
  return found;
}

function otherValue(
  { attributes: { kind, name }, shape, dtype }: NodeOf<"input">,
  lengths: LengthValues,
  seed: number,
): Tensor<number> | undefined {
  const random = createRandom(seed, `${kind} ${name}`);
  switch (kind) {
    case "state":
      return tensorOf(sizesOf(shape, lengths), () => 0.05 + 0.2 * Math.abs(random.normal()));
    case "cache":
      return tensorOf(sizesOf(shape, lengths), () => (dtype === "f32" ? wild(random) : random.below(2)));
    case "scalar":
      return tensorOf([], () => scalarValue(name, lengths, seed));
    case "input":
      // Rows of a batch that a search goes on with; the inputs of a model have other values, which come later.
      return dtype === "i32"
        ? tensorOf(sizesOf(shape, lengths), () => random.below(lengths["B"] ?? 1))
        : undefined;
    default:
      return undefined;
  }
}

function scalarValue(name: string, lengths: LengthValues, seed: number): number {
  const known: Readonly<Record<string, number>> = {
    lr: 1e-3,
    step: 3,
    seed,
    [position]: lengths[POSITION] ?? 0,
  };
  return known[name] ?? 0;
}

/** Among the lengths: how many positions the caches of a step hold already. */
export const POSITION = "position of a step";
