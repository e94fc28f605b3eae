/**
 * What an `input … as …` renames, as it is written.
 *
 *     input valid(tokens) as attention_mask  →  "valid(tokens)"
 */
import type { RenameStatement } from "./model.js";

export const renamed = ({ input, derived }: Pick<RenameStatement, "input" | "derived">): string =>
  derived ? `${derived.text}(${input.text})` : input.text;
