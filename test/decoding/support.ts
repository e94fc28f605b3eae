/** Steps of a model against its whole forward graph, in f64. Caches begin with what an earlier text might have left there. */
import { expect } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { expand } from "../../compiler/ir/expand.js";
import type { Built, Graph, InputInfo } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { countOf } from "../../compiler/ir/numbers/tensor.js";
import { evaluateSize, symbolsIn } from "../../compiler/ir/shape.js";
import { verify } from "../../compiler/ir/verify.js";
import type { DecodingGraphs, Refused } from "../../compiler/passes/decoding/graphs.js";
import { deriveDecoding } from "../../compiler/passes/decoding.js";
import { built, leavesOf } from "../build/support.js";
import type { Draw } from "../support/numbers.js";
import { createDraw, randomTensor } from "../support/numbers.js";

type Values = Readonly<Record<string, Tensor<number>>>;
type Lengths = Readonly<Record<string, number>>;

export interface Decoder {
  readonly model: Built;
  readonly graphs: DecodingGraphs;
}

export function refusalOf(text: string): Refused | undefined {
  const b = createBuilder();
  const graphs = deriveDecoding(built(text, { builder: b }), b);
  return graphs && "refused" in graphs ? graphs.refused : undefined;
}

export function decoderOf(text: string, chunk?: number): Decoder {
  const b = createBuilder();
  const model = built(text, { builder: b });
  const graphs = deriveDecoding(model, b, { chunk });
  if (!graphs) throw new Error("the model gives no logits for each position of a text");
  if ("refused" in graphs) throw new Error(`${graphs.refused.code}: ${graphs.refused.message}`);
  for (const graph of [graphs.step, graphs.reorder, graphs.encode])
    expect(graph ? verify(graph) : []).toEqual([]);
  // Composites are expanded once, not with every call.
  const { step, encode, reorder } = graphs;
  return {
    model: { ...model, forward: expand(model.forward, b) },
    graphs: { ...graphs, step: expand(step, b), encode: encode && expand(encode, b), reorder },
  };
}

export function weightsOf(model: Built, seed = 7): Values {
  return leavesOf(model, (name, shape) => {
    const draw = createDraw([...name].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) >>> 0, seed));
    const middle = name.endsWith("gain") ? 1 : 0;
    return Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => middle + 1.4 * (draw() - 0.5));
  });
}

/** Random inputs of a text of `length`; of a source the last positions are padding, in some rows. */
export function inputsOf({ model, graphs }: Decoder, draw: Draw, lengths: Lengths): Values {
  const value = ({ shape, dtype, bound, derived }: InputInfo): Tensor<number> => {
    const sizes = shape.map(({ size }) => evaluateSize(size, lengths));
    if (derived?.how === "valid") {
      const isGrown = derived.of === graphs.grown;
      const data = Float64Array.from({ length: countOf(sizes) }, (_, n) =>
        isGrown ? Number(n % sizes[1]! === 0 || draw() < 0.9) : Number(n % sizes[1]! < 2 || draw() < 0.7),
      );
      return { sizes, data };
    }
    const x = randomTensor(draw, sizes, 0, 1);
    if (dtype === "f32") return x;
    return {
      sizes,
      data: Float64Array.from(x.data, (u) => Math.floor(u * (dtype === "bool" ? 2 : (bound ?? 2)))),
    };
  };
  const read = model.inputs.filter(({ derived }) => derived?.how !== "next");
  return Object.fromEntries(read.map((input) => [input.name, value(input)]));
}

const scalar = (value: number): Tensor<number> => ({ sizes: [], data: Float64Array.of(value) });

/** Elements from `start` on along the axes whose size is the symbol. */
function piece(x: Tensor<number>, axis: number, start: number, size: number): Tensor<number> {
  const sizes = x.sizes.map((own, n) => (n === axis ? size : own));
  const inner = countOf(x.sizes.slice(axis + 1));
  const outer = countOf(x.sizes.slice(0, axis));
  const data = new Float64Array(countOf(sizes));
  for (let o = 0; o < outer; o++)
    for (let n = 0; n < size * inner; n++)
      data[o * size * inner + n] = x.data[(o * x.sizes[axis]! + start) * inner + n]!;
  return { sizes, data };
}

export interface Text {
  readonly weights: Values;
  readonly inputs: Values;
  readonly lengths: Lengths;
}

export function textOf(decoder: Decoder, batch: number, length: number, seed = 3, other = 5): Text {
  const lengths = Object.fromEntries(
    Object.keys(decoder.model.lengths).map((symbol) => [
      symbol,
      symbol === "B" ? batch : symbol === decoder.graphs.symbol ? length : other,
    ]),
  );
  const all = { ...lengths, B: batch };
  return {
    weights: weightsOf(decoder.model),
    inputs: inputsOf(decoder, createDraw(seed), all),
    lengths: all,
  };
}

/** The caches of a text that is about to begin: all zero, or what an earlier one left. */
export function freshCaches(
  { graphs }: Decoder,
  lengths: Lengths,
  isFirst: boolean,
): Record<string, Tensor<number>> {
  const draw = isFirst ? () => 0.5 : createDraw(1);
  return Object.fromEntries(
    graphs.caches.map(({ name, shape, dtype }) => {
      const x = randomTensor(
        draw,
        shape.map(({ size }) => evaluateSize(size, lengths)),
        -2,
        2,
      );
      return [
        name,
        dtype === "f32" ? x : { sizes: x.sizes, data: Float64Array.from(x.data, (v) => Number(v > 0)) },
      ];
    }),
  );
}

export const run = (graph: Graph, inputs: Values, lengths: Lengths): Record<string, Tensor<number>> =>
  interpret(graph, f64, { inputs, lengths });

/** What the graphs leave in the caches. */
export const cachesOf = (outputs: Values): Record<string, Tensor<number>> =>
  Object.fromEntries(
    Object.entries(outputs).flatMap(([name, x]) =>
      name.startsWith("cache.") ? [[name.slice("cache.".length), x]] : [],
    ),
  );

const timeAxis = (
  shape: readonly { readonly size: Parameters<typeof symbolsIn>[0] }[],
  symbol: string,
): number => shape.findIndex(({ size }) => symbolsIn(size).includes(symbol));

/** The inputs of the positions from `start` on. */
export function inputPiece({ model, graphs }: Decoder, inputs: Values, start: number, size: number): Values {
  return Object.fromEntries(
    model.inputs.flatMap(({ name, shape }) => {
      const axis = timeAxis(shape, graphs.symbol);
      return axis >= 0 && inputs[name] ? [[name, piece(inputs[name], axis, start, size)]] : [];
    }),
  );
}

/** The largest difference between what steps over `pieces` positions each give and what the whole text gives. */
export function distance(decoder: Decoder, text: Text, pieces: readonly number[], capacity?: number): number {
  const { graphs, model } = decoder;
  const { symbol } = graphs;
  const { weights, inputs } = text;
  const C = capacity ?? model.lengths[symbol]!.maximum;
  const lengths = { ...text.lengths, C };
  const whole = run(model.forward, { ...weights, ...inputs }, text.lengths);
  let caches = freshCaches(decoder, lengths, text.lengths["B"] === 1);
  if (graphs.encode)
    caches = { ...caches, ...cachesOf(run(graphs.encode, { ...weights, ...inputs }, lengths)) };
  let start = 0;
  let far = 0;
  for (const size of pieces) {
    const given = {
      ...weights,
      ...caches,
      ...inputPiece(decoder, inputs, start, size),
      position: scalar(start),
    };
    const outputs = run(graphs.step, given, { ...lengths, [symbol]: size });
    caches = { ...caches, ...cachesOf(outputs) };
    for (const { name, node } of graphs.step.outputs) {
      if (name.startsWith("cache.")) continue;
      const wanted = piece(whole[name]!, timeAxis(node.shape, symbol), start, size);
      expect(outputs[name]!.sizes).toEqual(wanted.sizes);
      for (let n = 0; n < wanted.data.length; n++) {
        const difference = Math.abs(wanted.data[n]! - outputs[name]!.data[n]!);
        far = Math.max(far, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
      }
    }
    start += size;
  }
  expect(start).toBe(text.lengths[symbol]);
  return far;
}

/** n positions at once, then one at a time. */
export const split = (length: number, n: number): readonly number[] => [
  ...(n > 0 ? [n] : []),
  ...Array.from({ length: length - n }, () => 1),
];
/** Pieces of `size`, and what is left. */
export const chunks = (length: number, size: number): readonly number[] => [
  ...Array.from({ length: Math.floor(length / size) }, () => size),
  ...(length % size ? [length % size] : []),
];

export function expectNear(decoder: Decoder, text: Text, ways: readonly (readonly number[])[]): void {
  for (const pieces of ways) {
    const far = distance(decoder, text, pieces);
    expect(far < 1e-10 ? "near" : `${far} in pieces of ${pieces.join()}`).toBe("near");
  }
}

/** `step == full` at every split point that the caches allow for one row, and in pieces for three. */
export function expectSteps(decoder: Decoder, length = 6, longer = 9): void {
  const most = decoder.graphs.chunk ?? longer;
  const upTo = Array.from({ length: Math.min(most, length) }, (_, n) => n + 1);
  const one = textOf(decoder, 1, length);
  expectNear(
    decoder,
    one,
    upTo.map((n) => split(length, n)),
  );
  const sizes = [2, 3, 5].filter((size) => size <= most);
  expectNear(
    decoder,
    textOf(decoder, 3, longer, 5),
    sizes.map((size) => chunks(longer, size)),
  );
}
