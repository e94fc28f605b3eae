/**
 * Rows of tokens → the logits that follow each, by the program's own steps: caches hold what the tokens before gave, and only
 * new tokens are computed.
 *
 *   next([{ ids: [1, 2, 3] }])              encode, where there is a source; step: tokens 1 2 3 at the positions 0 1 2
 *   next([{ ids: [1, 2, 3, 9] }])           step: token 9 at position 3
 *   next([{ ids: [1, 2, 3, 9, 4] },         reorder: both rows go on where the first one was; step: 4 and 7 at position 4
 *         { ids: [1, 2, 3, 9, 7] }])
 *
 * Each row goes on from the cached row that holds most of it. All rows of a call have one position, the first that one of them
 * lacks; what a row has beyond its end is nobody's, is seen by no position before it, and is written over later.
 */
import type { GrowingModel } from "./growing.js";
import type { EntryName } from "./inputs.js";
import type { NextLogits, Row } from "./prefix.js";
import { fewSizes, sourceInputs, wholePrefix } from "./prefix.js";
import type { Decoding, Program, Refusal } from "./program.js";
import type { Session } from "./session.js";
import type { Lengths } from "./sizes.js";

/** How the next token of a program's texts is computed. */
export type NextToken =
  | { readonly by: "steps" }
  | { readonly by: "whole passes"; readonly why: Refusal | undefined };

export function nextTokenOf(program: Program): NextToken {
  const { decoding } = program;
  if (decoding && "caches" in decoding) return { by: "steps" };
  return { by: "whole passes", why: decoding?.refused };
}

/** The entries that generation runs, unless a text slides out of its window. */
export const generatingEntries = ({ entries, decoding }: Program): readonly EntryName[] =>
  decoding && "caches" in decoding
    ? (["encode", "step", "reorder"] as const).filter((name) => entries[name])
    : ["forward"];

/** What the caches hold. */
interface Held {
  /** Those that the caches' sizes depend on. */
  readonly lengths: Lengths & { readonly B: number };
  readonly capacity: number;
  /** As many as there are rows in the caches; what a call does not name keeps what it had. */
  readonly rows: readonly Row[];
  /** Where the longest row ended: a ring holds what lies right before. */
  readonly end: number;
}

/** How a call goes on from what is held: each row from that of its parent, all of them at one position. */
interface Continuation {
  readonly held: Held;
  readonly position: number;
  readonly parents: readonly number[];
}

interface Stepping {
  readonly session: Session;
  readonly model: GrowingModel;
  readonly decoding: Decoding;
}

/** Positions that the caches of a text have at least; they double where it needs more. */
const leastCapacity = 64;

/** The logits after rows, by steps where the program has them; `rows`: how many there will be at a time. */
export function nextLogits(session: Session, model: GrowingModel, rows: number): NextLogits {
  const { decoding } = session.program;
  const whole = wholePrefix(session, model);
  if (!decoding || "refused" in decoding || decoding.grown !== model.grown.name) return whole;
  const stepping = { session, model, decoding };
  const owner = {};
  let held: Held | undefined;
  const next = (given: readonly Row[]): Promise<readonly Float32Array[]> =>
    isWithin(model, given)
      ? session.holdCaches(owner, async (kept) => {
          const before = kept ? held : undefined;
          held = undefined; // where this fails nobody knows what the caches hold
          const after = before && continued(before, given, decoding);
          const begun = after ?? (await begin(stepping, before, given, rows));
          const logits = await advance(stepping, begun, given);
          held = begun.held;
          return logits;
        })
      : whole(given);
  return Object.assign(next, { even: true });
}

/** Beyond its window a text slides, and every token has another position. Sources of several lengths need to say what is padding. */
function isWithin({ grown, source }: GrowingModel, rows: readonly Row[]): boolean {
  const widths = new Set(rows.map((row) => row.source?.length));
  const fits = widths.size === 1 || source?.valid !== undefined;
  return fits && rows.every(({ ids }) => ids.length <= grown.longest);
}

const longestOf = (rows: readonly Row[]): number => Math.max(...rows.map(({ ids }) => ids.length));

/** So few rows that it pays to begin anew with smaller caches. */
const isFew = (count: number, held: number): boolean => held >= 8 && 4 * count <= held;

/** Undefined where the caches have no row for each, or not enough positions. */
function continued(before: Held, rows: readonly Row[], { chunk }: Decoding): Continuation | undefined {
  const { lengths, capacity, end } = before;
  const longest = longestOf(rows);
  if (longest > capacity || rows.length > lengths.B || isFew(rows.length, lengths.B)) return undefined;
  let position = longest;
  const parents = before.rows.map((_, n) => n);
  for (const [n, row] of rows.entries()) {
    const best = parentOf(row, n, before.rows);
    if (!best) return undefined;
    parents[n] = best.parent;
    position = Math.min(position, best.common);
  }
  if (chunk !== null && position < end - chunk) position = 0;
  const others = before.rows.slice(rows.length).map((row) => ({ ...row, ids: row.ids.slice(0, position) }));
  return { held: { lengths, capacity, rows: [...rows, ...others], end: longest }, position, parents };
}

/** The cached row that holds most of what comes before the last token of `row`; number n where it is as good as any. */
function parentOf(
  row: Row,
  n: number,
  cached: readonly Row[],
): { readonly parent: number; readonly common: number } | undefined {
  const needed = row.ids.length - 1;
  let best: { readonly parent: number; readonly common: number } | undefined;
  for (const parent of [n, ...cached.keys()]) {
    if (!isSame(row.source, cached[parent]!.source)) continue;
    const common = Math.min(needed, commonPrefix(row.ids, cached[parent]!.ids));
    if (!best || common > best.common) best = { parent, common };
    if (common === needed) break;
  }
  return best;
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const most = Math.min(a.length, b.length);
  let n = 0;
  while (n < most && a[n] === b[n]) n++;
  return n;
}

const isSame = (a: readonly number[] | undefined, b: readonly number[] | undefined): boolean =>
  a === b || (a?.length === b?.length && commonPrefix(a ?? [], b ?? []) === a?.length);

/** Empty caches, and in them what the sources say. */
async function begin(
  { session, model, decoding }: Stepping,
  before: Held | undefined,
  rows: readonly Row[],
  most: number,
): Promise<Continuation> {
  const B = fewSizes(rowsFor(before?.lengths.B, rows.length, most), Number.POSITIVE_INFINITY);
  const longest = longestOf(rows);
  const doubled = Math.max(leastCapacity, 2 ** Math.ceil(Math.log2(longest + 1)));
  const capacity = Math.min(model.grown.longest, doubled);
  const all = Array.from({ length: B }, (_, n) => rows[n] ?? rows[0]!);
  const sources = model.source && sourceInputs(model.source, all);
  const width = sources && (sources[model.source!.name] as { readonly shape: readonly number[] }).shape[1]!;
  const symbol = model.source?.symbol;
  const lengths = {
    ...{ B, [decoding.capacity]: capacity },
    ...(symbol !== undefined && width !== undefined && { [symbol]: width }),
  };
  if (session.program.entries.encode) await session.run("encode", sources ?? {}, {}, { lengths });
  const held = { lengths, capacity, rows: all, end: longest };
  return { held, position: 0, parents: all.map((_, n) => n) };
}

function rowsFor(held: number | undefined, count: number, most: number): number {
  if (held === undefined || count > held) return Math.max(count, most);
  return isFew(count, held) ? 2 * count : held;
}

/** Feeds what the rows have from the position on, as much at a time as a ring allows. */
async function advance(
  { session, model, decoding }: Stepping,
  { held, position, parents }: Continuation,
  rows: readonly Row[],
): Promise<readonly Float32Array[]> {
  const { lengths } = held;
  if (decoding.parent && parents.some((parent, n) => parent !== n)) {
    const parent = { data: Int32Array.from(parents), shape: [parents.length] };
    await session.run("reorder", { [decoding.parent.name]: parent }, {}, { lengths });
  }
  const { grown, source, vocabulary, logits: name } = model;
  const read = session.program.entries.step!.inputs;
  const sees = source && (read.includes(source.name) || read.includes(source.valid ?? ""));
  const sources = sees ? sourceInputs(source, held.rows) : {};
  const logits: Float32Array[] = [];
  const longest = longestOf(rows);
  for (let from = position; from < longest; ) {
    const count = Math.min(decoding.chunk ?? longest, longest - from);
    const data = new Int32Array(lengths.B * count);
    for (const [n, { ids }] of held.rows.entries()) data.set(ids.slice(from, from + count), n * count);
    const ending = rows.flatMap(({ ids }, n) => {
      const at = ids.length - 1 - from;
      return at < 0 || at >= count ? [] : [{ n, at: n * count + at }];
    });
    const outputs = await session.run(
      "step",
      { [grown.name]: { data, shape: [lengths.B, count] }, ...sources },
      { position: from },
      {
        lengths,
        read: ending.map(({ n, at }) => ({
          ...{ name, as: String(n), from: at * vocabulary, count: vocabulary },
        })),
      },
    );
    for (const { n } of ending) logits[n] = outputs[n] as Float32Array;
    from += count;
  }
  return logits;
}
