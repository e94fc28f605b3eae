/**
 * A value computed of a contraction, at a place given by linear forms → its expression over the sums in registers.
 *
 * ```
 * mul(slice(x, 0…f), slice(x, f…)) at (r, 4·at), members 0 and 4 → sums[r][0] · sums[r][1]
 * ```
 */
import type { Columns } from "../../ir/epilogue/columns.js";
import type { Ranges } from "../../ir/epilogue/linear.js";
import { keyOfLinear, shiftedBy } from "../../ir/epilogue/linear.js";
import type { Place } from "../../ir/epilogue/moves.js";
import type { Reading } from "../../ir/epilogue/reads.js";
import { readingOf } from "../../ir/epilogue/reads.js";
import type { Node, NodeOf } from "../../ir/graph.js";
import type { Expr } from "../kernel.js";
import { lane, lanes, splat, vector } from "../kernel.js";
import { isMultipleOf4 } from "../layout.js";
import { isMap, isVectorMap, mapRules } from "../maps.js";
import type { Position } from "../position.js";
import { zero } from "../scope.js";
import { zeroOf } from "../values.js";
import type { Context } from "./context.js";
import type { DigitValues } from "./contract-columns.js";
import { linearExpr } from "./contract-columns.js";

/** Sums by row, then by group of columns. */
export type Sums = readonly (readonly Expr[])[];

/** What values are made of for one row and one set of columns. */
export interface Given {
  readonly context: Context;
  readonly node: NodeOf<"contract">;
  readonly dependents: ReadonlySet<Node>;
  readonly columns: Columns;
  readonly ranges: Ranges;
  readonly digits: DigitValues;
  readonly sum: (member: number) => { readonly whole: Expr; readonly lane: number };
}

export interface Registers extends Given {
  at(node: Node, place: Place): Expr;
  reading(node: Node, place: Place): Reading;
  position(place: Place): Position;
  /** Fours that were made already. */
  readonly fours: Map<string, Expr>;
  keyOf(node: Node, place: Place): string;
}

export function registersOf(given: Given): Registers {
  const { context, node: contract, dependents, columns, ranges, digits, sum } = given;
  const { scope, values } = context;
  const numbers = new Map<Node, number>();
  const known = new Map<string, Expr>();
  const keyOf = (node: Node, place: Place): string => {
    if (!numbers.has(node)) numbers.set(node, numbers.size);
    return `${numbers.get(node)} ${place.map(keyOfLinear).join()}`;
  };
  const position = (place: Place): Position => place.map((x) => linearExpr(scope, x, digits));
  const reading = (node: Node, place: Place): Reading => {
    const found = readingOf(contract, node, place, columns, ranges);
    if (!found) throw new Error("internal: a contraction is read at another element");
    return found;
  };
  const make = (node: Node, place: Place): Expr => {
    if (!dependents.has(node)) return values.at(node, position(place));
    const found = reading(node, place);
    switch (found.how) {
      case "member": {
        const { whole, lane: own } = sum(found.member);
        return whole.type === "f32x4" ? scope.name(lane(whole, lanes[own]!)) : whole;
      }
      case "zero":
        return zeroOf(node.dtype);
      case "same":
        return at(found.node, found.place);
      case "map":
        return mapOf(
          node,
          found.inputs.map((input) => at(input, place)),
          scope.name,
        );
      default:
        return found satisfies never;
    }
  };
  const at = (node: Node, place: Place): Expr => {
    const key = keyOf(node, place);
    const made = known.get(key) ?? scope.name(make(node, place));
    known.set(key, made);
    return made;
  };
  return { ...given, at, reading, position, keyOf, fours: new Map() };
}

function mapOf(node: Node, operands: readonly Expr[], name: (x: Expr) => Expr): Expr {
  if (!isMap(node.op)) throw new Error(`internal: ${node.op} is no map`);
  return mapRules[node.op](operands, name);
}

/** The axis along which places are neighbours, −1 where they are one place, undefined where they are neither. */
export function sameAxis(places: readonly Place[]): number | undefined {
  const [first] = places as readonly [Place];
  const apart = (n: number): readonly number[] =>
    first.flatMap((x, axis) => (keyOfLinear(x) === keyOfLinear(places[n]![axis]!) ? [] : [axis]));
  if (places.every((_, n) => apart(n).length === 0)) return -1;
  const [axis] = apart(1);
  const isNext = (n: number): boolean =>
    apart(n).join() === String(axis) &&
    keyOfLinear(shiftedBy(first[axis!]!, n)) === keyOfLinear(places[n]![axis!]!);
  if (axis === undefined || !places.every((_, n) => n === 0 || isNext(n))) return undefined;
  const { constant, terms } = first[axis]!;
  const isAligned = constant % 4 === 0 && terms.every(({ coefficient }) => coefficient % 4 === 0);
  return isAligned ? axis : undefined;
}

/** Four elements in one vector. */
export function fourOf(registers: Registers, node: Node, places: readonly Place[]): Expr {
  const { context, fours, keyOf } = registers;
  const key = places.map((place) => keyOf(node, place)).join(" ");
  const made = fours.get(key) ?? context.scope.name(makeFour(registers, node, places));
  fours.set(key, made);
  return made;
}

function makeFour(registers: Registers, node: Node, places: readonly Place[]): Expr {
  const { dependents, reading } = registers;
  const each = (): Expr => vector((n) => registers.at(node, places[n]!));
  if (node.dtype !== "f32") throw new Error("internal: only f32 comes in fours");
  if (!dependents.has(node)) return loadedFour(registers, node, places) ?? each();
  const found = places.map((place) => reading(node, place));
  if (found.every((x) => x.how === "zero")) return zero("f32x4");
  if (found.every((x) => x.how === "member"))
    return (
      wholeOf(
        registers,
        found.map((x) => x.member),
      ) ?? each()
    );
  if (found.every((x) => x.how === "same")) {
    const [first] = found;
    if (!found.every((x) => x.node === first!.node)) return each();
    return fourOf(
      registers,
      first!.node,
      found.map((x) => x.place),
    );
  }
  const [first] = found;
  return first!.how === "map" && found.every((x) => x.how === "map")
    ? mapFour(registers, node, first!.inputs, places)
    : each();
}

function mapFour(registers: Registers, node: Node, inputs: readonly Node[], places: readonly Place[]): Expr {
  const { scope } = registers.context;
  if (isMap(node.op) && isVectorMap(node.op) && inputs.every(({ dtype }) => dtype === "f32"))
    return mapOf(
      node,
      inputs.map((input) => fourOf(registers, input, places)),
      scope.name,
    );
  return vector((n) => registers.at(node, places[n]!));
}

/** The sum of four members in order is one register. */
function wholeOf({ sum }: Registers, members: readonly number[]): Expr | undefined {
  const parts = members.map(sum);
  const [first] = parts;
  const isWhole = parts.every(({ whole, lane: own }, n) => whole === first!.whole && own === n);
  return isWhole && first!.whole.type === "f32x4" ? first!.whole : undefined;
}

function loadedFour(
  { context, position }: Registers,
  node: Node,
  places: readonly Place[],
): Expr | undefined {
  const axis = sameAxis(places);
  if (axis === undefined) return undefined;
  const first = position(places[0]!);
  if (axis < 0) return splat(context.values.at(node, first));
  return isMultipleOf4(node.shape[axis]!.size) ? context.values.at4(node, first, axis) : undefined;
}
