/**
 * The columns of a contraction, numbered so that those which one invocation needs together are members of one (outer, at).
 *
 * ```
 * 64 columns, period 16, 2 partners, width 4: column 37 = 2·16 + 0·8 + 1·4 + 1 is partner 0, lane 1 of outer 2, at 1
 * ```
 */
import type { NodeOf } from "../graph.js";
import type { Linear, Ranges } from "./linear.js";
import { constant, digit, keyOfLinear, plus, shiftedBy } from "./linear.js";
import type { Place } from "./moves.js";
import { digitsOf, flattened } from "./moves.js";

/** How columns are numbered. */
export interface Columns {
  readonly count: number;
  readonly period: number;
  readonly partners: number;
  readonly width: 1 | 2 | 4;
}

/** One of the columns that an invocation has for an (outer, at). */
export interface Member {
  readonly partner: number;
  readonly lane: number;
}

/** Where a column ends up: at `place` of the output, for those with from ≤ outer < to. */
export interface Placement {
  readonly from: number;
  readonly to: number;
  readonly place: Place;
}

/** Names of the digits that a place is made of. */
export const digits = { outer: "outer", at: "at", row: (label: string): string => `row ${label}` };

/** What the result's labels are: those of the operand that has the innermost one are columns. */
export function columnLabels({ attributes: { a, b, out } }: NodeOf<"contract">): readonly string[] {
  const own = out.filter((label) => a.includes(label) !== b.includes(label));
  const last = own.at(-1);
  const side = last !== undefined && a.includes(last) ? a : b;
  return own.filter((label) => side.includes(label));
}

export function sizeOfLabel({ shape, attributes: { out } }: NodeOf<"contract">, label: string) {
  return shape[out.indexOf(label)]!.size;
}

export const membersOf = ({ partners, width }: Columns): readonly Member[] =>
  Array.from({ length: partners * width }, (_, n) => ({ partner: Math.floor(n / width), lane: n % width }));

export const innerOf = ({ period, partners }: Columns): number => period / partners;

export function rangesOf(columns: Columns, from = 0, to = columns.count / columns.period): Ranges {
  return new Map([
    [digits.outer, { least: from, most: to - 1 }],
    [digits.at, { least: 0, most: innerOf(columns) / columns.width - 1 }],
  ]);
}

/** The column that a member is, of all. */
export function columnOf(columns: Columns, { partner, lane }: Member): Linear {
  const { count, period, width } = columns;
  const single = (name: string, coefficient: number, size: number): Linear =>
    size === 1 ? constant(0) : digit(name, coefficient);
  const [outer, at] = [
    single(digits.outer, period, count / period),
    single(digits.at, width, innerOf(columns) / width),
  ];
  return shiftedBy(plus(outer, at), partner * innerOf(columns) + lane);
}

/** A row's coordinate stands for itself. */
const rowOf = (contract: NodeOf<"contract">, label: string): Linear =>
  sizeOfLabel(contract, label) === 1 ? constant(0) : digit(digits.row(label));

/** The contraction's element at a column: its rows stand for themselves. */
export function placeOf(contract: NodeOf<"contract">, column: Linear, ranges: Ranges): Place | undefined {
  const labels = columnLabels(contract);
  const found = digitsOf(
    column,
    labels.map((label) => sizeOfLabel(contract, label)),
    ranges,
  );
  return (
    found &&
    contract.attributes.out.map((label) =>
      labels.includes(label) ? found[labels.indexOf(label)]! : rowOf(contract, label),
    )
  );
}

/** Which member stands at a place of the contraction, if it is of the same rows, outer and at. */
export function memberAt(contract: NodeOf<"contract">, place: Place, columns: Columns): number | undefined {
  const { out } = contract.attributes;
  const labels = columnLabels(contract);
  const isSameRow = out.every(
    (label, n) => labels.includes(label) || keyOfLinear(place[n]!) === keyOfLinear(rowOf(contract, label)),
  );
  const flat = flattened(
    labels.map((label) => ({ at: place[out.indexOf(label)]!, size: sizeOfLabel(contract, label) })),
  );
  if (!isSameRow || !flat) return undefined;
  const member = membersOf(columns).findIndex(
    (found) => keyOfLinear(columnOf(columns, found)) === keyOfLinear(flat),
  );
  return member < 0 ? undefined : member;
}
