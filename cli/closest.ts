/**
 * A word and the words there are → the closest one, however far.
 *
 * ```
 * closest("frobnicate", ["check", "generate"])  // "generate"
 * ```
 */
import { distance } from "../compiler/nearest.js";

export function closest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map((candidate) => ({ candidate, edits: distance(word, candidate) }));
  return ranked.sort((a, b) => a.edits - b.edits)[0]?.candidate;
}
