/**
 * Sources → the targets that a trained model gives them.
 *
 *   source [5, 6, eos], beam 4   →   [9, 4]      (what was found between bos and eos)
 */
import { generateSequences } from "../../runtime/generate.js";
import type { Session } from "../../runtime/session.js";
import type { Ends } from "./pairs.js";

export interface DecodeOptions extends Ends {
  /** Tokens of a target, its end among them. */
  readonly longest: number;
  readonly beam: number;
}

export async function decode(
  session: Session,
  sources: readonly ArrayLike<number>[],
  { bos, eos, longest, beam }: DecodeOptions,
): Promise<readonly (readonly number[])[]> {
  const found = await generateSequences(
    session,
    sources.map((source) => ({ source })),
    { bos, beam, stop: [eos], maxNewTokens: longest },
  );
  return found.map(([best]) => best!.ids.filter((id) => id !== eos));
}

/** A row of a batch up to its end, the end included. */
export const closedRow = (row: Int32Array, eos: number): Int32Array => row.subarray(0, row.indexOf(eos) + 1);
