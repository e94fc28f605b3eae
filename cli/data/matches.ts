/**
 * Sources, their targets, and what a model makes of the sources → how often it is exactly that, and token by token.
 *
 *   right [4, 5, 6], decoded [4, 7, 6]  →  no exact match, 3 of 4 tokens (the end counts as one)
 */
import type { Session } from "../../runtime/session.js";
import type { Tokenizer } from "../../runtime/tokenizer.js";
import type { DataBatch } from "./dataset.js";
import { rowsOf } from "./dataset.js";
import { closedRow, decode } from "./decode.js";
import type { Ends } from "./pairs.js";
import type { TaskOf } from "./task.js";

export interface DecodedAccuracy {
  readonly beam: number;
  readonly pairs: number;
  readonly exactMatch: number;
  /** Of the tokens of the longer of the two, ends included, those that are equal at the same place. */
  readonly decodedAccuracy: number;
}

export async function decodedAccuracy(
  session: Session,
  task: TaskOf<"pairs">,
  tokenizer: Tokenizer,
  batches: Iterable<DataBatch>,
  beam: number,
): Promise<DecodedAccuracy> {
  const ends = tokenizer.specials as Ends;
  let [pairs, exact, equal, places] = [0, 0, 0, 0];
  for (const batch of batches) {
    const rights = rowsOf(batch, task.next).map((row) => closedRow(row, ends.eos).subarray(0, -1));
    const sources = rowsOf(batch, task.source.name).map((row) => closedRow(row, ends.eos));
    const longest = 2 * Math.max(...rights.map((row) => row.length)) + 8;
    const decoded = await decode(session, sources, { ...ends, longest, beam });
    rights.forEach((right, n) => {
      const found = decoded[n]!;
      const same = equalTokens(right, found);
      const all = Math.max(right.length, found.length) + 1;
      pairs++;
      equal += same;
      places += all;
      if (same === all) exact++;
    });
  }
  return { beam, pairs, exactMatch: exact / pairs, decodedAccuracy: equal / places };
}

function equalTokens(right: ArrayLike<number>, found: ArrayLike<number>): number {
  const ends = right.length === found.length ? 1 : 0;
  return ends + Array.from(right).filter((id, n) => id === found[n]).length;
}
