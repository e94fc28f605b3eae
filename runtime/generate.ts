/**
 * (Session, prompt) → new token ids, one at a time. Each is computed from the whole text so far, or from its last
 * tokens where it is longer than the model's window; only the last position's logits are read back.
 *
 *   for await (const id of generate(session, [1, 2, 3], { maxNewTokens: 8, temperature: 0 })) …
 */
import { streamInputs } from "./data.js";
import { listNames, RuntimeError } from "./errors.js";
import { entryOf } from "./inputs.js";
import type { Program, Value } from "./program.js";
import type { SampleOptions } from "./sample.js";
import { sampleToken, sampleUniform } from "./sample.js";
import type { Session } from "./session.js";
import { symbolsOf } from "./sizes.js";
import { tensor } from "./tensor.js";
import type { AbortSignalLike } from "./web.js";

export interface GenerateOptions extends SampleOptions {
  /** 64 unless given. */
  readonly maxNewTokens?: number | undefined;
  /** Position n of the text draws from f(seed, n). 0 unless given. */
  readonly seed?: number | undefined;
  /** Ids after which generation ends; they are given out too. */
  readonly stop?: readonly number[] | undefined;
  /** Ends generation by throwing the signal's reason. */
  readonly signal?: AbortSignalLike | undefined;
}

interface Stream {
  readonly tokens: string;
  readonly symbol: string;
  readonly window: number;
  readonly logits: Value;
}

/** What generation needs of a model: one stream of tokens in, logits for each position out. */
function streamOf(program: Program): Stream {
  const { tokens } = streamInputs(program);
  const input = program.inputs.find(({ name }) => name === tokens)!;
  const [symbol] = symbolsOf(input.shape.at(-1)!);
  const { outputs } = entryOf(program, "forward");
  const fits = (value: Value) => value.shape.length === input.shape.length + 1 && value.dtype === "f32";
  const logits = outputs.find((value) => value.name === "logits" && fits(value)) ?? outputs.find(fits);
  if (symbol === undefined || !logits || typeof logits.shape.at(-1) !== "number")
    throw new RuntimeError(
      "TFM6203",
      `\`${program.name}\` gives no logits for each position of \`${tokens}\`; its outputs are ` +
        `${listNames(outputs.map(({ name }) => name))}.`,
    );
  return { tokens, symbol, window: program.lengths[symbol]!.maximum, logits };
}

export async function* generate(
  session: Session,
  prompt: ArrayLike<number>,
  options: GenerateOptions = {},
): AsyncGenerator<number, void, undefined> {
  const { maxNewTokens = 64, seed = 0, stop = [], signal } = options;
  if (prompt.length === 0)
    throw new RuntimeError("TFM6005", "The prompt is empty.", "Give at least one token.");
  const stream = streamOf(session.program);
  const text = Array.from(prompt);
  const longest = Math.min(stream.window, text.length + Math.max(1, maxNewTokens) - 1);
  signal?.throwIfAborted();
  await session.reserve("forward", { B: 1, [stream.symbol]: longest });
  for (let n = 0; n < maxNewTokens; n++) {
    signal?.throwIfAborted();
    const logits = await lastLogits(session, stream, text.slice(-stream.window));
    const id = sampleToken(logits, options, sampleUniform(seed, text.length));
    text.push(id);
    yield id;
    if (stop.includes(id)) return;
  }
}

/** The logits that follow the last of these tokens. */
async function lastLogits(
  session: Session,
  stream: Stream,
  tokens: readonly number[],
): Promise<Float32Array> {
  const { name, shape } = stream.logits;
  const width = shape.at(-1) as number;
  const inputs = { [stream.tokens]: tensor(Int32Array.from(tokens), [1, tokens.length]) };
  const read = [{ name, from: (tokens.length - 1) * width, count: width }];
  const outputs = await session.run("forward", inputs, {}, { read });
  return outputs[name] as Float32Array;
}
