/**
 * A contraction's columns and a value computed of them → the ways by which its every element is one column's, once.
 *
 * ```
 * reshape(slice(x, 16…48), [2, 16])   one way: columns with 1 ≤ outer < 3 at (outer − 1, at)
 * concat(f(x), g(x))                  two ways: every column at c, and at size + c
 * ```
 */

import type { Node, NodeOf } from "../graph.js";
import { sizeEquals } from "../shape.js";
import type { Columns, Placement } from "./columns.js";
import { columnLabels, digits, innerOf, rangesOf } from "./columns.js";
import type { Linear } from "./linear.js";
import { keyOfLinear, rangeOf } from "./linear.js";
import type { Move, Place } from "./moves.js";
import { forwards } from "./moves.js";

/** For each member where it ends up, if it does. */
export type Cover = readonly (Placement | undefined)[];

export interface Covering {
  readonly contract: NodeOf<"contract">;
  readonly node: Node;
  /** What depends on the contraction, operands first. */
  readonly order: readonly Node[];
  /** Of the members, in the contraction. */
  readonly places: readonly (Place | undefined)[];
  readonly columns: Columns;
}

/** Ways to one node that are followed. */
const MOST_WAYS = 8;
/** Elements of an output that are counted one by one where one way does not reach them all. */
const MOST_COUNTED = 1 << 16;

export function coversOf(covering: Covering): readonly Cover[] | undefined {
  const { contract, node, columns } = covering;
  const all = waysTo(covering);
  const ways = (all.get(node) ?? [originOf(covering)]).filter((cover) => cover.some((x) => x !== undefined));
  const sized = ways.flatMap((cover) => {
    const size = columnElements(contract, node, cover);
    return size === undefined ? [] : [{ cover, size }];
  });
  const whole = sized.find(({ cover, size }) => imageSize(cover, columns) === size);
  if (whole) return [whole.cover];
  const [first] = sized;
  return (
    first &&
    partition(
      sized.map(({ cover }) => cover),
      node,
      first.size,
      columns,
    )
  );
}

const originOf = ({ places, columns }: Covering): Cover =>
  places.map((place) => place && { place, from: 0, to: columns.count / columns.period });

function waysTo(covering: Covering): ReadonlyMap<Node, readonly Cover[]> {
  const { contract, order, columns } = covering;
  const ways = new Map<Node, readonly Cover[]>([[contract as Node, [originOf(covering)]]]);
  for (const node of order) {
    if (node === contract) continue;
    const found = new Map<string, Cover>();
    node.inputs.forEach((input, n) => {
      for (const cover of ways.get(input) ?? []) {
        const moved = movedCover(node, n, cover, columns);
        if (moved && found.size < MOST_WAYS) found.set(moved.map(keyOfPlacement).join(), moved);
      }
    });
    ways.set(node, [...found.values()]);
  }
  return ways;
}

const keyOfPlacement = (placement: Placement | undefined): string =>
  placement ? `${placement.from}…${placement.to}:${placement.place.map(keyOfLinear).join()}` : "";

function movedCover(node: Node, n: number, cover: Cover, columns: Columns): Cover | undefined {
  const moved: (Placement | undefined)[] = [];
  for (const placement of cover) {
    if (!placement) {
      moved.push(undefined);
      continue;
    }
    const own = rangesOf(columns, placement.from, placement.to);
    const [move] = forwards(node, n, placement.place, own);
    const next = move && narrowed(placement, move, columns);
    if (!next) return undefined;
    moved.push(next === "none" ? undefined : next);
  }
  return moved.some((x) => x !== undefined) ? moved : undefined;
}

/** The outer digits for which a need holds, where it holds for all of them or for none of the others. */
function narrowed(
  placement: Placement,
  { place, need }: Move,
  columns: Columns,
): Placement | "none" | undefined {
  const { from, to } = placement;
  if (!need) return { from, to, place };
  const x = placement.place[need.axis]!;
  const by = x.terms.find(({ digit }) => digit === digits.outer)?.coefficient ?? 0;
  const rest: Linear = { ...x, terms: x.terms.filter(({ digit }) => digit !== digits.outer) };
  const [least, most] = rangeOf(rest, rangesOf(columns));
  if (by === 0) {
    if (least >= need.low && most < need.high) return { from, to, place };
    return most < need.low || least >= need.high ? "none" : undefined;
  }
  if (by < 0 || !Number.isFinite(most - least)) return undefined;
  const clip = (n: number): number => Math.max(from, Math.min(to, n));
  const [first, end] = [
    clip(Math.ceil((need.low - least) / by)),
    clip(Math.floor((need.high - 1 - most) / by) + 1),
  ];
  const [touched, untouched] = [
    clip(Math.ceil((need.low - most) / by)),
    clip(Math.floor((need.high - 1 - least) / by) + 1),
  ];
  if (touched >= untouched) return "none";
  return first === touched && end === untouched ? { from: first, to: end, place } : undefined;
}

const imageSize = (cover: Cover, columns: Columns): number =>
  cover.reduce((sum, x) => sum + (x ? x.to - x.from : 0), 0) * (innerOf(columns) / columns.width);

/** How many elements a row has of the value; undefined where its rows are not the contraction's. */
function columnElements(contract: NodeOf<"contract">, node: Node, cover: Cover): number | undefined {
  const labels = columnLabels(contract);
  const rows = new Map(
    contract.attributes.out.flatMap((label, n) =>
      labels.includes(label) || sizeEquals(contract.shape[n]!.size, 1)
        ? []
        : [[digits.row(label), contract.shape[n]!.size] as const],
    ),
  );
  const { place } = cover.find((x) => x !== undefined)!;
  let count = 1;
  const found = new Set<string>();
  for (const [axis, x] of place.entries()) {
    const row = x.terms.find(({ digit }) => rows.has(digit));
    const { size } = node.shape[axis]!;
    if (row) {
      const isWhole = x.terms.length === 1 && row.coefficient === 1 && x.constant === 0;
      if (!isWhole || found.has(row.digit) || !sizeEquals(rows.get(row.digit)!, size)) return undefined;
      found.add(row.digit);
    } else if (typeof size !== "number") return undefined;
    else count *= size;
  }
  return found.size === rows.size ? count : undefined;
}

/** Ways whose elements are different ones and all of them. */
function partition(
  ways: readonly Cover[],
  node: Node,
  size: number,
  columns: Columns,
): readonly Cover[] | undefined {
  if (size > MOST_COUNTED) return undefined;
  const reached = new Set<number>();
  const chosen: Cover[] = [];
  for (const cover of ways) {
    const own = elementsOf(cover, node, columns);
    if (own.some((element) => reached.has(element))) continue;
    for (const element of own) reached.add(element);
    chosen.push(cover);
  }
  return reached.size === size ? chosen : undefined;
}

function elementsOf(cover: Cover, node: Node, columns: Columns): readonly number[] {
  const found: number[] = [];
  const steps = innerOf(columns) / columns.width;
  for (const placement of cover) {
    if (!placement) continue;
    for (let outer = placement.from; outer < placement.to; outer++)
      for (let at = 0; at < steps; at++) found.push(elementAt(placement.place, node, outer, at));
  }
  return found;
}

/** The element within its row. */
function elementAt(place: Place, node: Node, outer: number, at: number): number {
  let flat = 0;
  for (const [axis, { constant, terms }] of place.entries()) {
    if (terms.some(({ digit }) => digit !== digits.outer && digit !== digits.at)) continue;
    const value = terms.reduce(
      (sum, { digit, coefficient }) => sum + coefficient * (digit === digits.outer ? outer : at),
      constant,
    );
    flat = flat * Number(node.shape[axis]!.size) + value;
  }
  return flat;
}
