/**
 * What a caller hands in → lengths and device-ready arrays, or an error that names the input, the position and the value.
 *
 *   bindInputs(program, "forward", { tokens: [[1, 2, 3]] }) = { lengths: { B: 1, T: 3 }, data: tokens → Int32Array [1, 3] }
 */
import { listNames, nearestNames, RuntimeError } from "./errors.js";
import type { DerivedInput, Entry, Input, Program, Size } from "./program.js";
import type { Lengths } from "./sizes.js";
import { cacheSymbols, elementsOf, sizeOf, symbolsOf } from "./sizes.js";
import type { Inputs, Numbers, TensorData } from "./tensor.js";
import { numbersOf } from "./tensor.js";

export type EntryName = keyof Program["entries"];

export interface BoundInputs {
  readonly lengths: Lengths;
  /** Input name → its elements as the device stores them. */
  readonly data: ReadonlyMap<string, TensorData>;
}

export function entryOf(program: Program, name: EntryName): Entry {
  const entry = program.entries[name];
  if (entry) return entry;
  throw new RuntimeError(
    "TFM6007",
    `\`${program.name}\` has no entry \`${name}\`.`,
    entryHint(program, name),
  );
}

function entryHint({ entries, decoding }: Program, name: EntryName): string | undefined {
  if (name === "forward") return undefined;
  if (name === "encode" || name === "step" || name === "reorder")
    return decoding && "refused" in decoding ? decoding.refused.message : "Its texts grow by whole passes.";
  if (!entries.train)
    return entries.loss
      ? "It was compiled for inference alone: leave `--inference`, or `only`, out."
      : "The model needs a `loss` for loss, grad and train.";
  return "The model's `train` needs `accumulate`, more than 1, for accumulate and apply.";
}

/** The model's inputs, and the one that `reorder` reads. */
export function inputsOf({ inputs, decoding }: Program): readonly Input[] {
  const parent = decoding && "parent" in decoding ? decoding.parent : null;
  return parent ? [...inputs, parent] : inputs;
}

export function bindInputs(
  program: Program,
  entryName: EntryName,
  given: Inputs,
  fixed: Lengths = {},
): BoundInputs {
  const entry = entryOf(program, entryName);
  refuseUnknown(program, given);
  const wanted = inputsOf(program).filter((input) => entry.inputs.includes(input.name));
  const found = wanted.map((input) => [input, numbersFor(input, given)] as const);
  const lengths = solveLengths(program, found, fixed);
  const data = new Map<string, TensorData>();
  for (const [input, numbers] of found) data.set(input.name, elements(input, numbers, lengths));
  return { lengths, data };
}

function refuseUnknown(program: Program, given: Inputs): void {
  const names = inputsOf(program).map((input) => input.name);
  const unknown = Object.keys(given).filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  const near = nearestNames(unknown[0]!, names);
  throw new RuntimeError(
    "TFM6005",
    `\`${program.name}\` has no input ${listNames(unknown)}; its inputs are ${listNames(names)}.`,
    near.length > 0 ? `Did you mean ${listNames(near)}?` : undefined,
  );
}

function numbersFor(input: Input, given: Inputs): Numbers {
  const value = given[input.name];
  if (value !== undefined) return numbersOf(value, input.name);
  const { derived } = input;
  const base = derived === null ? undefined : given[derived.of];
  if (derived !== null && base !== undefined) return derivedNumbers(derived, numbersOf(base, derived.of));
  throw new RuntimeError(
    "TFM6005",
    `Input \`${input.name}\` is missing.`,
    `Its shape is ${shapeText(input)}.`,
  );
}

function derivedNumbers({ how }: DerivedInput, base: Numbers): Numbers {
  switch (how) {
    case "next":
      return shifted(base);
    case "valid":
      return { ...base, data: new Int32Array(base.data.length).fill(1) };
    case "original":
      return { ...base, data: new Int32Array(base.data.length).fill(-1) };
    case "marks":
      return { ...base, data: new Int32Array(base.data.length) };
    default:
      return how satisfies never;
  }
}

/** Each row moved one to the left; -1 where nothing follows. */
export function shifted({ data, shape }: Numbers): Numbers {
  const row = shape?.at(-1) ?? data.length;
  const next = new Int32Array(data.length);
  for (let n = 0; n < data.length; n++) next[n] = (n + 1) % row === 0 ? -1 : data[n + 1]!;
  return { data: next, shape };
}

const sizeText = (size: Size): string =>
  typeof size === "number"
    ? String(size)
    : size
        .map(([c, ...symbols]) => (c === 1 && symbols.length > 0 ? symbols : [c, ...symbols]).join("·"))
        .join(" + ");
const shapeText = (input: Input): string =>
  `[${input.shape.map((size, n) => `${input.axes[n] ?? n} = ${sizeText(size)}`).join(", ")}]`;

// ---- lengths

function solveLengths(
  program: Program,
  found: readonly (readonly [Input, Numbers])[],
  fixed: Lengths,
): Lengths {
  const lengths: Record<string, number> = { ...fixed };
  for (const [input, { data, shape }] of found) {
    const actual = shape ?? impliedShape(input, data.length, lengths);
    if (actual.length !== input.shape.length) throw wrongShape(input, actual);
    input.shape.forEach((size, axis) => {
      solveAxis(input, size, actual[axis]!, actual, lengths);
    });
  }
  for (const [input, { data, shape }] of found) {
    const actual = shape ?? input.shape.map((size) => sizeOf(size, lengths));
    const fits = input.shape.every((size, axis) => sizeOf(size, lengths) === actual[axis]);
    if (!fits || elementsOf(actual) !== data.length) throw wrongShape(input, actual, lengths);
  }
  lengths.B ??= 1;
  for (const [symbol, value] of Object.entries(lengths)) checkLength(program, symbol, value);
  return lengths;
}

function checkLength(program: Program, symbol: string, value: number): void {
  const { axis, maximum } = program.lengths[symbol] ?? { axis: symbol, maximum: Number.POSITIVE_INFINITY };
  const least = symbol === "P" ? 0 : 1;
  if (!Number.isInteger(value) || value < least)
    throw new RuntimeError("TFM6005", `The length \`${axis}\` is ${value}; it must be at least ${least}.`);
  if (value > maximum)
    throw new RuntimeError(
      "TFM6005",
      `The length \`${axis}\` is ${value}; the program holds at most ${maximum}.`,
    );
}

/** Caches have a size, and `step` takes few enough tokens, at positions that the caches have. */
export function checkDecoding(program: Program, name: EntryName, lengths: Lengths, position: number): void {
  const { decoding } = program;
  if (!decoding || "refused" in decoding || !/^(encode|step|reorder)$/.test(name)) return;
  const refuse = (what: string, hint: string): never => {
    throw new RuntimeError("TFM6005", what, hint);
  };
  const open = cacheSymbols(program).find((symbol) => lengths[symbol] === undefined);
  if (open !== undefined)
    refuse(
      `The caches need the length \`${program.lengths[open]?.axis ?? open}\`.`,
      `Give { lengths: { ${open}: … } }.`,
    );
  if (name !== "step") return;
  const { symbol, capacity, chunk } = decoding;
  const [count, end] = [lengths[symbol]!, lengths[capacity] ?? Number.POSITIVE_INFINITY];
  if (!Number.isInteger(position) || position < 0)
    refuse(`The position is ${position}.`, "It is how many tokens the caches hold: 0 where a text begins.");
  if (chunk !== null && count > chunk)
    refuse(
      `\`step\` was given ${count} new tokens; it takes ${chunk} at a time.`,
      "Give them in several calls.",
    );
  if (position + count > end)
    refuse(
      `Position ${position} and ${count} new tokens are more than the capacity, ${end}.`,
      `Begin the text anew with a larger length \`${capacity}\`.`,
    );
}

/** A bare typed array is one example; at most one other length is open. */
function impliedShape(input: Input, count: number, lengths: Record<string, number>): readonly number[] {
  lengths.B ??= 1;
  const open = [...new Set(input.shape.flatMap(symbolsOf))].filter((symbol) => lengths[symbol] === undefined);
  if (open.length > 1)
    throw new RuntimeError(
      "TFM6005",
      `The shape of input \`${input.name}\` is not clear from ${count} elements.`,
      `Give { data, shape } with shape ${shapeText(input)}.`,
    );
  const rest = input.shape.filter((size) => !symbolsOf(size).includes(open[0] ?? ""));
  const others = elementsOf(rest.map((size) => sizeOf(size, lengths)));
  return input.shape.map((size) => (rest.includes(size) ? sizeOf(size, lengths) : count / others));
}

/** Binds the one open symbol of a linear size, or leaves the size for the check that follows. */
function solveAxis(
  input: Input,
  size: Size,
  actual: number,
  shape: readonly number[],
  lengths: Record<string, number>,
): void {
  const open = [...new Set(symbolsOf(size))].filter((symbol) => lengths[symbol] === undefined);
  if (open.length !== 1) return;
  const at = (value: number) => sizeOf(size, { ...lengths, [open[0]!]: value });
  const value = (actual - at(0)) / (at(1) - at(0));
  if (!Number.isInteger(value)) throw wrongShape(input, shape);
  lengths[open[0]!] = value;
}

function wrongShape(input: Input, actual: readonly number[], lengths?: Lengths): RuntimeError {
  const wanted = lengths && ` = [${input.shape.map((size) => sizeOf(size, lengths)).join(", ")}]`;
  return new RuntimeError(
    "TFM6005",
    `Input \`${input.name}\` has the shape [${actual.join(", ")}]; it must be ${shapeText(input)}${wanted ?? ""}.`,
    lengths && "Lengths with one name are equal in all inputs.",
  );
}

// ---- elements

function elements(input: Input, { data }: Numbers, lengths: Lengths): TensorData {
  const shape = input.shape.map((size) => sizeOf(size, lengths));
  switch (input.dtype) {
    case "f32":
      return data instanceof Float32Array ? data : Float32Array.from(data);
    case "i32":
      checkIntegers(input, data, shape);
      return data instanceof Int32Array ? data : Int32Array.from(data);
    case "bool":
      return Uint32Array.from(data, (value) => (value === 0 ? 0 : 1));
    default:
      return input.dtype satisfies never;
  }
}

function checkIntegers(input: Input, data: ArrayLike<number>, shape: readonly number[]): void {
  const least = input.bound === null || input.derived !== null ? -(2 ** 31) : 0;
  const end = input.bound ?? 2 ** 31;
  for (let n = 0; n < data.length; n++) {
    const value = data[n]!;
    if (value >= least && value < end && Number.isInteger(value)) continue;
    throw new RuntimeError(
      "TFM6004",
      `Input \`${input.name}\` holds ${value} at [${positionOf(n, shape).join(", ")}].`,
      Number.isInteger(value) ? `Values lie in [${least}, ${end}).` : "Values are whole numbers.",
    );
  }
}

function positionOf(index: number, shape: readonly number[]): readonly number[] {
  const position: number[] = [];
  for (let rest = index, n = shape.length - 1; n >= 0; n--) {
    position.unshift(rest % shape[n]!);
    rest = Math.floor(rest / shape[n]!);
  }
  return position;
}
