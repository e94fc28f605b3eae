/**
 * Program → what makes it a language model: ids in, ids shifted by one as targets, `logits` out.
 */
import type { Input, Program } from "../runtime/program.js";
import { fail } from "./failure.js";
import { contextOf } from "./tensor-files.js";

export interface LanguageModel {
  readonly tokens: Input;
  readonly next: Input;
  /** Ids are below it. */
  readonly bound: number;
  /** The longest window. */
  readonly context: number;
}

export function languageModelOf(program: Program): LanguageModel {
  const next = program.inputs.find(({ nextOf }) => nextOf !== null);
  const tokens = program.inputs.find(({ name }) => name === next?.nextOf);
  if (!next || !tokens || tokens.shape.length !== 2 || program.inputs.length !== 2) {
    return fail(
      "not-a-language-model",
      `\`${program.name}\` is no language model`,
      "it needs one input `tokens[t] : int(vocab)` and a loss on `next(tokens)`; `tfmc run` and `tfmc grad` take any model",
    );
  }
  const context = contextOf(program, tokens);
  if (!Number.isFinite(context)) fail("not-a-language-model", `the length of \`${tokens.name}\` is fixed`, "declare it as `tokens[t <= context]`");
  return { tokens, next, bound: tokens.bound ?? Number.POSITIVE_INFINITY, context };
}
