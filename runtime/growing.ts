/**
 * Program → what generation needs of it: the input that grows token by token, what it may look at, and the logits.
 *
 *   tokens [B, T] → logits [B, T, 256]                     { grown: tokens, source: undefined, window: 128, vocabulary: 256 }
 *   source [B, S], target [B, T] → logits [B, T, 9000]     { grown: target, source, … }
 */
import { listNames, RuntimeError } from "./errors.js";
import { entryOf } from "./inputs.js";
import type { DerivedInput, Input, Program, Value } from "./program.js";
import { symbolsOf } from "./sizes.js";

/** An input of token ids, one row for each example. */
export interface TokenInput {
  readonly name: string;
  /** The symbol of its length; undefined where that is fixed. */
  readonly symbol: string | undefined;
  readonly longest: number;
  /** The input that says which of its tokens are there, if the model reads one. */
  readonly valid: string | undefined;
}

export interface GrowingModel {
  readonly grown: TokenInput & { readonly symbol: string };
  readonly source: TokenInput | undefined;
  readonly logits: string;
  readonly vocabulary: number;
}

export function growingModel(program: Program): GrowingModel {
  const { outputs, inputs: names } = entryOf(program, "forward");
  const given = program.inputs.filter(({ name, derived }) => names.includes(name) && derived === null);
  const next = program.inputs.find(({ derived }) => derived?.how === "next")?.derived?.of;
  const { decoding } = program;
  const stepping = decoding && "grown" in decoding ? decoding.grown : undefined;
  const grown = given.find(({ name }) => name === (stepping ?? next ?? given[0]?.name));
  const sources = given.filter((input) => input !== grown);
  if (!grown || sources.length > 1 || ![grown, ...sources].every(isTokens))
    throw unfit(program, "its inputs are not one stream of tokens, or a source and a target", given);
  const target = tokenInput(program, grown);
  const source = sources[0] && tokenInput(program, sources[0]);
  if (target.symbol === source?.symbol)
    throw unfit(program, "its source and its target have one length, and a target grows by itself", given);
  const logits = logitsOf(outputs, grown);
  const vocabulary = logits?.shape.at(-1);
  if (!logits || typeof vocabulary !== "number" || target.symbol === undefined)
    throw unfit(program, `it gives no logits for each position of \`${grown.name}\``, outputs);
  return { grown: { ...target, symbol: target.symbol }, source, logits: logits.name, vocabulary };
}

const isTokens = ({ dtype, shape }: Input): boolean => dtype === "i32" && shape.length === 2;

function tokenInput(program: Program, { name, shape }: Input): TokenInput {
  const [symbol] = symbolsOf(shape[1]!);
  const longest = symbol === undefined ? (shape[1] as number) : program.lengths[symbol]!.maximum;
  const isValid = (derived: DerivedInput | null): boolean => derived?.how === "valid" && derived.of === name;
  const read = entryOf(program, "forward").inputs;
  const valid = program.inputs.find((input) => isValid(input.derived) && read.includes(input.name))?.name;
  return { name, symbol, longest, valid };
}

/** The output named `logits`, or the first that has its shape. */
function logitsOf(outputs: readonly Value[], { shape }: Input): Value | undefined {
  const rows = JSON.stringify(shape);
  const fits = (value: Value): boolean =>
    value.dtype === "f32" && value.shape.length === 3 && JSON.stringify(value.shape.slice(0, 2)) === rows;
  return outputs.find((value) => value.name === "logits" && fits(value)) ?? outputs.find(fits);
}

const unfit = ({ name }: Program, why: string, values: readonly Value[]): RuntimeError =>
  new RuntimeError(
    "TFM6203",
    `\`${name}\` does not generate: ${why}: ${listNames(values.map((value) => value.name))}.`,
  );
