/**
 * `step == full`: what derived steps give for the positions of a text, at every point where it may be cut, is what the whole text gives.
 *
 * ```
 * a text of 6:  1+1+1+1+1+1, 2+1+1+1+1, …, 6 at once          and in pieces of 2 and 3 for two rows
 * ```
 */

import { build } from "../ir/build.js";
import { createBuilder } from "../ir/builder.js";
import { expand } from "../ir/expand.js";
import type { Built } from "../ir/graph.js";
import type { Tensor } from "../ir/numbers/scalar.js";
import { countOf } from "../ir/numbers/tensor.js";
import type { Shape } from "../ir/shape.js";
import { symbolsIn } from "../ir/shape.js";
import type { LawDeclaration } from "../parser/model.js";
import type { DecodingGraphs } from "../passes/decoding/graphs.js";
import { capacity, position } from "../passes/decoding/graphs.js";
import { deriveDecoding } from "../passes/decoding.js";
import type { Difference } from "./difference.js";
import { differenceOf, fineTolerances } from "./difference.js";
import { evaluate, evaluateRounded } from "./evaluate.js";
import { lengthNames, smallLengths } from "./lengths.js";
import type { Place } from "./place.js";
import { createRandom } from "./random.js";
import type { Outcome } from "./result.js";
import { differing, failing, holds } from "./result.js";
import { noModel } from "./settings.js";
import { tooLarge } from "./too-large.js";
import type { Values } from "./values.js";
import { drawInputs, drawOthers, drawParameters, leavesOf, sizesOf, tensorOf } from "./values.js";

const TEXT = 6;

export function checkSteps(law: LawDeclaration, place: Place, seed: number): Outcome {
  if (place.model === undefined) return noModel(law);
  const builder = createBuilder();
  const { file, resolve, settings, model } = place;
  const { built, diagnostics } = build(file, { entry: model, settings, resolve, builder });
  if (!built) return { status: "refused", says: "the model has errors", diagnostics };
  const { span } = law.claim;
  const large = tooLarge(built.forward, smallLengths(built), span, `The law \`${law.name.text}\``);
  if (large) return large;
  const graphs = deriveDecoding(built, builder);
  const none = `The law \`${law.name.text}\` does not hold: \`${model}\` has no steps.`;
  if (!graphs)
    return failing("TFM7001", span, none, { hint: "It gives no logits for each position of a text." });
  if ("refused" in graphs)
    return failing("TFM7001", span, none, { hint: `${graphs.refused.code}: ${graphs.refused.message}` });
  // Composites are taken apart once, not with every call.
  const { step, encode } = graphs;
  const apart = { ...graphs, step: expand(step, builder), encode: encode && expand(encode, builder) };
  const decoder = { built: { ...built, forward: expand(built.forward, builder) }, graphs: apart, seed };
  const length = Math.min(TEXT, built.lengths[graphs.symbol]!.maximum);
  const found = cutsOf(length, graphs.chunk).flatMap(
    ({ rows, pieces }) => breach(decoder, rows, pieces) ?? [],
  );
  const [first] = found;
  if (!first) return holds(`every cut of ${length} positions`);
  return differing(span, law.name.text, first.difference, {
    sides: ["of the whole text", `of steps of ${first.pieces.join(", ")}`],
    sizes: first.sizes,
    seed,
  });
}

interface Cut {
  readonly rows: number;
  readonly pieces: readonly number[];
}

/** A prompt of every length and single steps after it, as far as a ring takes it at once; then pieces for two rows. */
function cutsOf(length: number, chunk: number | undefined): readonly Cut[] {
  const most = Math.min(length, chunk ?? length);
  const ones = (count: number): readonly number[] => Array.from({ length: count }, () => 1);
  const prompts = ones(most).map((_, n) => ({ rows: 1, pieces: [n + 1, ...ones(length - n - 1)] }));
  const even = [2, 3].filter((size) => size <= most);
  const pieces = even.map((size) => [
    ...Array.from({ length: Math.floor(length / size) }, () => size),
    ...(length % size > 0 ? [length % size] : []),
  ]);
  return [...prompts, ...pieces.map((all) => ({ rows: 2, pieces: all }))];
}

interface Decoder {
  readonly built: Built;
  readonly graphs: DecodingGraphs;
  readonly seed: number;
}

interface Breach {
  readonly difference: Difference;
  readonly pieces: readonly number[];
  readonly sizes: Readonly<Record<string, number>>;
}

function breach(
  { built, graphs, seed }: Decoder,
  rows: number,
  pieces: readonly number[],
): Breach | undefined {
  const { symbol } = graphs;
  const length = pieces.reduce((a, b) => a + b, 0);
  const lengths = { ...smallLengths(built), B: rows, [symbol]: length };
  const inputs = drawInputs(built.inputs, lengths, seed);
  const fixed = {
    ...leavesOf(built, drawParameters(built, seed)),
    ...drawOthers(built.forward, lengths, seed),
  };
  const whole = evaluate(built.forward, { ...fixed, ...inputs }, lengths);
  const bounds = fineTolerances(whole, evaluateRounded(built.forward, { ...fixed, ...inputs }, lengths));
  const wide = { ...lengths, [capacity]: built.lengths[symbol]!.maximum };
  let caches = leftOver(graphs, wide, seed);
  if (graphs.encode)
    caches = { ...caches, ...cachesIn(evaluate(graphs.encode, { ...fixed, ...inputs }, wide)) };
  let start = 0;
  for (const size of pieces) {
    const given = { ...fixed, ...caches, ...pieceOfInputs(built, inputs, { symbol, start, size }) };
    const at = { [position]: tensorOf([], () => start) };
    const outputs = evaluate(graphs.step, { ...given, ...at }, { ...wide, [symbol]: size });
    caches = { ...caches, ...cachesIn(outputs) };
    const wanted = Object.fromEntries(
      graphs.step.outputs.flatMap(({ name, node }) =>
        name.startsWith(CACHE)
          ? []
          : [[name, pieceOf(whole[name]!, axisOf(node.shape, symbol), start, size)]],
      ),
    );
    const difference = differenceOf(wanted, outputs, bounds);
    if (difference) return { difference, pieces, sizes: lengthNames(built, lengths) };
    start += size;
  }
  return undefined;
}

const CACHE = "cache.";

/** Caches begin with what another text might have left there. */
function leftOver(
  { caches }: DecodingGraphs,
  lengths: Readonly<Record<string, number>>,
  seed: number,
): Record<string, Tensor<number>> {
  return Object.fromEntries(
    caches.map(({ name, shape, dtype }) => {
      const random = createRandom(seed, CACHE + name);
      const element = dtype === "f32" ? () => random.normal() : () => random.below(2);
      return [name, tensorOf(sizesOf(shape, lengths), element)];
    }),
  );
}

const cachesIn = (outputs: Values): Values =>
  Object.fromEntries(
    Object.entries(outputs).flatMap(([name, x]) =>
      name.startsWith(CACHE) ? [[name.slice(CACHE.length), x]] : [],
    ),
  );

const axisOf = (shape: Shape, symbol: string): number =>
  shape.findIndex(({ size }) => symbolsIn(size).includes(symbol));

interface Piece {
  readonly symbol: string;
  readonly start: number;
  readonly size: number;
}

const pieceOfInputs = ({ inputs }: Built, values: Values, { symbol, start, size }: Piece): Values =>
  Object.fromEntries(
    inputs.flatMap(({ name, shape }) => {
      const axis = axisOf(shape, symbol);
      return axis >= 0 ? [[name, pieceOf(values[name]!, axis, start, size)]] : [];
    }),
  );

/** `size` elements from `start` on along an axis. */
function pieceOf(x: Tensor<number>, axis: number, start: number, size: number): Tensor<number> {
  const sizes = x.sizes.map((own, n) => (n === axis ? size : own));
  const inner = countOf(x.sizes.slice(axis + 1));
  const from = (n: number): number => {
    const outer = Math.floor(n / (size * inner));
    return (outer * x.sizes[axis]! + start) * inner + (n % (size * inner));
  };
  return { sizes, data: Float64Array.from({ length: countOf(sizes) }, (_, n) => x.data[from(n)]!) };
}
