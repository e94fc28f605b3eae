/**
 * What stands against decoding → a code of the catalogue and a sentence.
 *
 *   later positions in a softmax   →   TFM4101: `layers.*.attention` attends to all of `t`, later positions too: …
 */
import type { Refused } from "./graphs.js";

type RefusalCode = "TFM4101" | "TFM4102" | "TFM4103" | "TFM4104";

/** Thrown while a graph is derived, caught where the derivation began. */
export class Refusal extends Error implements Refused {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function refuse(code: RefusalCode, message: string): never {
  throw new Refusal(code, message);
}

/** What `work` gives, or why it does not. */
export function refusable<T>(work: () => T): T | Refusal {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}
