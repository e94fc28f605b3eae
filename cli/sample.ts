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
      if (id < tokenizer.size) ids.push(id); // a model's vocabulary may be larger: such an id stands for no text
      const whole = withoutOpenEnd(tokenizer.decode(ids));
      write(whole.slice(written.length));
      written = whole;
    }
  } catch (error) {
    if (!sampling.signal?.aborted) throw error;
  }
  const text = tokenizer.decode(ids);
  write(text.slice(written.length));
  return text;
}

/** The last bytes may be the beginning of a character that the next token completes. */
const withoutOpenEnd = (text: string): string => text.replace(/\ufffd{1,3}$/, "");
