/**
 * Texts → merges: byte-level BPE as GPT-2 has it. Texts are cut into words, words into bytes; then the most frequent pair
 * of neighbours becomes a token, again and again.
 *
 *   trainMerges(["low lower lowest"], 2) = [[75, 78], [256, 86]]      (`l` + `o`, then `lo` + `w`)
 */
import { createHeap } from "./heap.js";

/** The ids of the two tokens that become one; that of merge n is 256 + n. */
export type Merge = readonly [left: number, right: number];

/** GPT-2's words: the endings of English contractions, letters, digits, other signs, each with a space before it; spaces. */
export const words = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** Each byte's printable character: bytes that are one stand for themselves, the others follow from U+0100 on. */
export const byteCharacters: readonly string[] = printableBytes();

function printableBytes(): readonly string[] {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : 0x100 + others++),
  );
}

/** The first 256 tokens in the order of their characters: ties are broken by ids, so the order is part of the rule. */
export const alphabet: readonly string[] = [...byteCharacters].sort();
const idOfByte: readonly number[] = byteCharacters.map((character) => alphabet.indexOf(character));

// ---------------------------------------------------------------- words and pairs

interface Word {
  ids: readonly number[];
  readonly count: number;
}

/** How often each pair of neighbours stands in the texts, and in which words it stood at some time. */
interface Pairs {
  readonly counts: Map<number, number>;
  readonly holders: Map<number, Set<Word>>;
}

/** Ids stay far below it, and a pair below 2⁵³. */
const radix = 2 ** 24;
const keyOf = (left: number, right: number): number => left * radix + right;

export function countWords(texts: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const [word] of text.matchAll(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function wordsOf(texts: Iterable<string>): readonly Word[] {
  const encoder = new TextEncoder();
  return Array.from(countWords(texts), ([word, count]) => ({
    ids: Array.from(encoder.encode(word), (byte) => idOfByte[byte]!),
    count,
  }));
}

/** Adds a word's pairs, or with sign -1 takes them away; `changed` collects their keys. */
function countPairs({ counts, holders }: Pairs, word: Word, sign: 1 | -1, changed: Set<number>): void {
  for (let n = 1; n < word.ids.length; n++) {
    const key = keyOf(word.ids[n - 1]!, word.ids[n]!);
    counts.set(key, (counts.get(key) ?? 0) + sign * word.count);
    changed.add(key);
    if (sign < 0) continue;
    const set = holders.get(key) ?? new Set();
    holders.set(key, set.add(word));
  }
}

// ---------------------------------------------------------------- training

/** At most `count` merges: the most frequent pair first, of equally frequent ones that with the lower left, then lower right id. */
export function trainMerges(texts: Iterable<string>, count: number): readonly Merge[] {
  const pairs: Pairs = { counts: new Map(), holders: new Map() };
  const changed = new Set<number>();
  for (const word of wordsOf(texts)) countPairs(pairs, word, 1, changed);
  const heap = createHeap<readonly [count: number, key: number]>(
    (a, b) => a[0] > b[0] || (a[0] === b[0] && a[1] < b[1]),
  );
  const merges: Merge[] = [];
  while (merges.length < count) {
    for (const key of changed) if (pairs.counts.get(key)! > 0) heap.push([pairs.counts.get(key)!, key]);
    changed.clear();
    const best = heap.pop();
    if (!best) break; // every word is one token
    const [frequency, key] = best;
    if (pairs.counts.get(key) !== frequency) continue; // its count has changed since, and stands there anew
    merges.push([Math.floor(key / radix), key % radix]);
    applyMerge(pairs, merges.at(-1)!, 255 + merges.length, changed);
  }
  return merges;
}

function applyMerge(pairs: Pairs, merge: Merge, id: number, changed: Set<number>): void {
  const key = keyOf(...merge);
  for (const word of pairs.holders.get(key) ?? []) {
    const ids = merged(word.ids, merge, id);
    if (ids.length === word.ids.length) continue;
    countPairs(pairs, word, -1, changed);
    word.ids = ids;
    countPairs(pairs, word, 1, changed);
  }
  pairs.counts.delete(key);
  pairs.holders.delete(key);
  changed.delete(key);
}

/** From left to right: of three equal ones the first two. */
function merged(ids: readonly number[], [left, right]: Merge, id: number): readonly number[] {
  const result: number[] = [];
  for (let n = 0; n < ids.length; n++) {
    const found = ids[n] === left && ids[n + 1] === right;
    result.push(found ? id : ids[n]!);
    if (found) n++;
  }
  return result;
}

// ---------------------------------------------------------------- the result

/** The tokens' spellings in characters of bytes: id n is the n-th. */
export function spellings(merges: readonly Merge[]): readonly string[] {
  const all = [...alphabet];
  for (const [left, right] of merges) all.push(all[left]! + all[right]!);
  return all;
}
