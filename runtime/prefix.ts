/**
 * Rows of tokens → the logits that follow each, by one forward pass over all of every row. Generation knows no more of a
 * model than this function's type: `steps.ts` has another one, which keeps what it computed for the tokens before.
 *
 *   next([{ ids: [1, 2, 3] }, { ids: [7] }]) = [the 256 logits after 3, the 256 logits after 7]
 *
 * Rows of different lengths share a pass: they are filled up with zeros behind their ends, to one of few lengths, so that few
 * plans serve a whole text. Where the model does not say what is padding, it is asked by example whether it looks past its end.
 */
import type { GrowingModel, TokenInput } from "./growing.js";
import type { Session } from "./session.js";
import type { TensorLike } from "./tensor.js";

/** The tokens of one text so far, and of the source that it is made from. */
export interface Row {
  readonly ids: readonly number[];
  readonly source?: readonly number[] | undefined;
}

export interface NextLogits {
  (rows: readonly Row[]): Promise<readonly Float32Array[]>;
  /** Rows of one length are meant: those of different ones cost a pass over what lies between them. */
  readonly even?: boolean;
}

/** A row, or its beginning. */
export const upTo = (row: Row, length: number): Row =>
  row.ids.length > length ? { ...row, ids: row.ids.slice(0, length) } : row;

interface Prefix {
  readonly session: Session;
  readonly model: GrowingModel;
}

/** How far logits may move by rounding when a row is filled up, in parts of the largest. */
const roundingNoise = 1e-3;

export function wholePrefix(session: Session, model: GrowingModel): NextLogits {
  const prefix = { session, model };
  let padding: boolean | undefined = model.grown.valid === undefined ? undefined : true;
  return async (rows) => {
    const seen = rows.map(({ ids, source }) => ({ ids: ids.slice(-model.grown.longest), source }));
    padding ??= await ignoresTail(prefix, seen[0]!);
    const logits: Float32Array[] = [];
    for (const group of groups(prefix, seen, padding)) {
      const found = await forward(
        prefix,
        group.map((at) => seen[at]!),
        padding,
      );
      group.forEach((at, n) => {
        logits[at] = found[n]!;
      });
    }
    return logits;
  };
}

/** Whether what stands behind the last token leaves the logits as they are. */
async function ignoresTail(prefix: Prefix, { ids, source }: Row): Promise<boolean> {
  const { longest } = prefix.model.grown;
  if (longest === 1) return false;
  const row = { ids: ids.slice(0, longest - 1), source };
  const [exact] = await forward(prefix, [row], false);
  const [filled] = await forward(prefix, [row], true, 1);
  const largest = exact!.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
  return exact!.every((logit, n) => Math.abs(logit - filled![n]!) <= roundingNoise * largest);
}

/** Numbers of rows that one pass can take: all, or those that are as long as each other. */
function groups({ model }: Prefix, rows: readonly Row[], padding: boolean): Iterable<readonly number[]> {
  const sourcePadding = model.source === undefined || model.source.valid !== undefined;
  const found = new Map<string, number[]>();
  rows.forEach(({ ids, source }, at) => {
    const key = `${padding || ids.length} ${sourcePadding || source?.length}`;
    found.set(key, [...(found.get(key) ?? []), at]);
  });
  return found.values();
}

/** `beyond`: tokens that are filled up at least. */
async function forward(
  { session, model }: Prefix,
  rows: readonly Row[],
  padding: boolean,
  beyond = 0,
): Promise<readonly Float32Array[]> {
  const { grown, source, logits, vocabulary } = model;
  const count = fewSizes(rows.length, Number.POSITIVE_INFINITY);
  const all = Array.from({ length: count }, (_, n) => rows[n] ?? rows[0]!);
  const longest = Math.max(...rows.map(({ ids }) => ids.length)) + beyond;
  const width = padding ? fewSizes(longest, grown.longest, 4) : longest;
  const inputs = {
    ...filled(
      grown,
      all.map(({ ids }) => ids),
      width,
    ),
    ...(source && sourceInputs(source, all)),
  };
  const read = rows.map(({ ids }, n) => ({
    name: logits,
    as: String(n),
    from: (n * width + ids.length - 1) * vocabulary,
    count: vocabulary,
  }));
  const outputs = await session.run("forward", inputs, {}, { read });
  return rows.map((_, n) => outputs[n] as Float32Array);
}

export function sourceInputs(source: TokenInput, rows: readonly Row[]): Record<string, TensorLike> {
  const sources = rows.map((row) => row.source ?? []);
  const longest = Math.max(...sources.map((ids) => ids.length));
  const width = source.valid === undefined ? longest : fewSizes(longest, source.longest, 4);
  return filled(source, sources, source.symbol === undefined ? source.longest : width);
}

function filled(
  { name, valid }: TokenInput,
  rows: readonly (readonly number[])[],
  width: number,
): Record<string, TensorLike> {
  const shape = [rows.length, width];
  const [data, there] = [new Int32Array(rows.length * width), new Int32Array(rows.length * width)];
  rows.forEach((ids, n) => {
    data.set(ids, n * width);
    there.fill(1, n * width, n * width + ids.length);
  });
  return { [name]: { data, shape }, ...(valid !== undefined && { [valid]: { data: there, shape } }) };
}

/** `count` or a little more, at most `most`: one of four sizes between a power of two and the next, multiples of `least`. */
export function fewSizes(count: number, most: number, least = 1): number {
  const step = Math.max(least, 2 ** (Math.floor(Math.log2(count)) - 2));
  return Math.min(most, Math.ceil(count / step) * step);
}
