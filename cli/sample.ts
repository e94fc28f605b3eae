/**
 * A session and a prompt → text, handed out as soon as its characters are whole.
 */

import { generate } from "../runtime/generate.js";
import type { SampleOptions } from "../runtime/sample.js";
import type { Session } from "../runtime/session.js";
import type { Tokenizer } from "../runtime/tokenizer.js";

export interface TextOptions extends SampleOptions {
  readonly prompt: ArrayLike<number>;
  readonly count: number;
  readonly seed: number;
  readonly stop?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The text after the prompt; `write` hears it piece by piece. */
export async function generateText(
  session: Session,
  tokenizer: Tokenizer,
  { prompt, count, ...sampling }: TextOptions,
  write: (piece: string) => void = () => {},
): Promise<string> {
  const ids: number[] = [];
  let written = "";
  try {
    for await (const id of generate(session, prompt, { ...sampling, maxNewTokens: count })) {
      ids.push(id);
      const whole = withoutOpenEnd(textAfter(tokenizer, prompt, ids));
      if (!whole.startsWith(written)) continue; // a later token may change what an earlier one gives
      write(whole.slice(written.length));
      written = whole;
    }
  } catch (error) {
    if (!sampling.signal?.aborted) throw error;
  }
  const text = textAfter(tokenizer, prompt, ids);
  write(text.slice(written.length));
  return text;
}

/** The last bytes may be the beginning of a character that the next token completes. */
const withoutOpenEnd = (text: string): string => text.replace(/\ufffd{1,3}$/, "");

/** What ids add to a prompt's text: a tokenizer may write a space between the two. */
export function textAfter(tokenizer: Tokenizer, prompt: ArrayLike<number>, ids: readonly number[]): string {
  const before = textOf(tokenizer, Array.from(prompt));
  const whole = textOf(tokenizer, [...Array.from(prompt), ...ids]);
  return whole.startsWith(before) ? whole.slice(before.length) : textOf(tokenizer, ids);
}

/** A model's vocabulary may be larger than its tokenizer's: such an id stands for no text. */
export const textOf = (tokenizer: Tokenizer, ids: readonly number[]): string =>
  tokenizer.decode(ids.filter((id) => id < tokenizer.size));
