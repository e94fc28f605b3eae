/** Steps of ops that sum, compare or look up along axes. Along a time axis they need a proof that no later position counts. */
import type { Node } from "../../ir/graph.js";
import type { Shape } from "../../ir/shape.js";
import { symbolsIn } from "../../ir/shape.js";
import type { Aim } from "./facts.js";
import { labelsOf, productFacts } from "./facts.js";
import type { Mode, Modes, Slots } from "./modes.js";
import { excess, indexVector, isTime, reach, slotsOf } from "./modes.js";
import { placeName } from "./names.js";
import { refuse } from "./refusal.js";
import type { Support } from "./support.js";
import { supportOf } from "./support.js";
import { isTame } from "./tame.js";
import type { Want, WantOf } from "./want.js";
import { alsoReads, axisWord, looksAhead, looksEverywhere, slotsAt, straight, unfit } from "./want.js";

/** The support, where it ends at the last position that there is. */
function demandPast(
  want: Want,
  support: Support | undefined,
  size: Shape[number]["size"],
  verb: string,
): Support {
  const most = excess(size, want.frame.d.time);
  if (most === undefined) return unfit(want, `${verb} an axis that is not ${axisWord(want)} itself`);
  if (!support) return looksEverywhere(want, verb);
  if (support.last > most) looksAhead(want, support.last - most);
  return support;
}

/** Rows of a batch are texts of their own. */
function demandRows(want: Want, axes: Shape): void {
  const { frame, node } = want;
  if (!axes.some(({ size }) => symbolsIn(size).includes(frame.d.batch)) || !frame.dependence(node).grows)
    return;
  refuse("TFM4103", `${placeName(frame, node)} puts the rows of a batch together.`);
}

export function contractStep(want: WantOf<"contract">): Node {
  const { frame, node, modes, emit } = want;
  const { time } = frame.d;
  const { a, b: other, out } = node.attributes;
  const [x, y] = node.inputs as readonly [Node, Node];
  const labels = labelsOf(a, other);
  const axisOf = (label: string) =>
    (a.includes(label) ? x.shape[a.indexOf(label)] : y.shape[other.indexOf(label)])!;
  const summed = labels.filter((label) => !out.includes(label));
  demandRows(want, summed.map(axisOf));
  const known: (Mode | undefined)[] = labels.map((label) => modes[out.indexOf(label)]);
  let open = summed.filter((label) => isTime(axisOf(label).size, time));
  if (open.length > 0) {
    const facts = productFacts(a, other, frame.facts(x, "nonzero"), frame.facts(y, "nonzero"));
    while (open.length > 0) {
      const next = open.find((label) => supportOf(facts, labels.indexOf(label), known)) ?? open[0]!;
      const support = supportOf(facts, labels.indexOf(next), known);
      const verb = [x, y].some(isAttention) ? "attends to" : "sums over";
      const { last, window } = demandPast(want, support, axisOf(next).size, verb);
      known[labels.indexOf(next)] = slotsAt(want, next, window, last);
      open = open.filter((label) => label !== next);
    }
  }
  const operand = (z: Node, own: readonly string[]): Node =>
    guarded(
      want,
      z,
      emit(
        frame,
        z,
        own.map((label) => known[labels.indexOf(label)]),
      ),
      own.flatMap((label, axis) =>
        summed.includes(label) ? [[axis, known[labels.indexOf(label)]] as const] : [],
      ),
    );
  return frame.d.b.contract(operand(x, a), operand(y, other), node.attributes);
}

/** Weights of a softmax, however they lie. */
function isAttention(node: Node): boolean {
  const isMoved = node.op === "broadcast" || node.op === "transpose" || node.op === "reshape";
  return isMoved ? isAttention(node.inputs[0]!) : node.op === "softmax";
}

/** `made` with zeros in slots of positions to come, where what stands there need not be finite. */
function guarded(
  { frame }: Want,
  node: Node,
  made: Node,
  axes: readonly (readonly [number, Mode | undefined])[],
): Node {
  const { b, time } = frame.d;
  let result = made;
  for (const [axis, mode] of axes) {
    if (mode?.kind !== "slots" || isTame(frame, node, axis)) continue;
    const { name, size } = node.shape[axis]!;
    const index = indexVector(b, name, size, mode, time); // [n]
    const newest = b.add(b.input("scalar", "position", [], "i32"), b.length([[1, time]], "i32")); // []
    const end = b.add(newest, b.const(mode.last, "i32"));
    const isThere = b.lt(index, b.broadcastTo(end, index.shape, [-1])); // [n]
    const from = made.shape.map((_, n) => (n === axis ? 0 : -1));
    result = b.select(b.broadcastTo(isThere, made.shape, from), result, b.full(0, made.shape, made.dtype));
  }
  return result;
}

const AIM = { sum: "nonzero", max: "lowest", argmax: "lowest", min: "highest" } as const satisfies Record<
  string,
  Aim
>;
const VERB = {
  sum: "sums over",
  max: "takes the largest of",
  argmax: "takes the largest of",
  min: "takes the least of",
};

export function reduceStep(want: WantOf<"reduce">): Node {
  const { frame, node, modes, emit } = want;
  const { kind, axes } = node.attributes;
  const x = node.inputs[0]!;
  demandRows(
    want,
    axes.map((axis) => x.shape[axis]!),
  );
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const known: (Mode | undefined)[] = x.shape.map((_, axis) => modes[kept.indexOf(axis)]);
  const open = axes.filter((axis) => isTime(x.shape[axis]!.size, frame.d.time));
  for (const axis of open) {
    const support = supportOf(frame.facts(x, AIM[kind]), axis, known);
    const { last, window } = demandPast(want, support, x.shape[axis]!.size, VERB[kind]);
    known[axis] = slotsAt(want, axis, window, last);
    if (kind === "argmax") straight(want, known[axis]);
  }
  const made = emit(frame, x, known);
  const isSum = kind === "sum";
  return frame.d.b.reduce(
    kind,
    isSum
      ? guarded(
          want,
          x,
          made,
          open.map((axis) => [axis, known[axis]]),
        )
      : made,
    axes,
  );
}

export function softmaxStep(want: WantOf<"softmax" | "logsumexp">): Node {
  const { frame, node, modes, emit } = want;
  const { b, time } = frame.d;
  const { axis } = node.attributes;
  const [x, mask] = node.inputs as readonly [Node, Node?];
  demandRows(want, [x.shape[axis]!]);
  const own = node.op === "softmax" ? modes : insert(modes, axis);
  const known: Modes = isTime(x.shape[axis]!.size, time)
    ? own.map((mode, n) => (n === axis ? attended(want, own, mode) : mode))
    : own;
  const [scores, seen] = [emit(frame, x, known), mask && emit(frame, mask, known)];
  return node.op === "softmax" ? b.softmax(scores, axis, seen) : b.logsumexp(scores, axis, seen);
}

const insert = (modes: Modes, axis: number): Modes => [
  ...modes.slice(0, axis),
  undefined,
  ...modes.slice(axis),
];

/** All positions that the mask allows, whatever is read of them. */
function attended(want: WantOf<"softmax" | "logsumexp">, own: Modes, mode: Mode | undefined): Slots {
  const { frame, node } = want;
  const { axis } = node.attributes;
  const [x, mask] = node.inputs as readonly [Node, Node?];
  const verb = "attends to";
  const support =
    mask &&
    supportOf(
      frame.facts(mask, "true"),
      axis,
      own.map((m, n) => (n === axis ? undefined : m)),
    );
  const { last, window } = demandPast(want, support, x.shape[axis]!.size, verb);
  if (!mode) return slotsAt(want, axis, window, last);
  if (mode.kind === "rows") return unfit(want, `gives weights for pairs of positions of ${axisWord(want)}`);
  alsoReads(want, mode, window);
  return slotsOf(mode.layout, last);
}

/** Places in an order: what comes later must be the least that there is, and slots must lie as positions do. */
export function rankStep(want: WantOf<"rank">): Node {
  const { frame, node, modes, emit } = want;
  const { axis } = node.attributes;
  const x = node.inputs[0]!;
  const mode = modes[axis];
  demandRows(want, [x.shape[axis]!]);
  if (!mode) return frame.d.b.remake(node, [emit(frame, x, modes)]);
  const others = modes.map((m, n) => (n === axis ? undefined : m));
  const support = supportOf(frame.facts(x, "lowest"), axis, others);
  const { last, window } = demandPast(want, support, x.shape[axis]!.size, "orders");
  if (mode.kind === "rows") return unfit(want, `orders pairs of positions of ${axisWord(want)}`);
  straight(want, mode);
  alsoReads(want, mode, window);
  const known = modes.map((m, n) => (n === axis ? slotsOf(mode.layout, last) : m));
  return frame.d.b.remake(node, [emit(frame, x, known)]);
}

export function gatherStep(want: WantOf<"gather">): Node {
  const { frame, node, modes, emit } = want;
  const { b, time } = frame.d;
  const { axis } = node.attributes;
  const [table, ids] = node.inputs as readonly [Node, Node];
  const rank = ids.shape.length;
  const inner = modes.slice(axis, axis + rank);
  const outer: Modes = [...modes.slice(0, axis), undefined, ...modes.slice(axis + rank)];
  const places = emit(frame, ids, inner);
  const size = table.shape[axis]!.size;
  if (!isTime(size, time)) return b.gather(emit(frame, table, outer), places, axis);
  const mode = lookedUp(want, ids, inner);
  const rows = emit(
    frame,
    table,
    outer.map((own, n) => (n === axis ? mode : own)),
  );
  const { ring } = mode.layout;
  if (ring === undefined) {
    return b.gather(rows, places, axis);
  }
  const isThere = b.le(b.full(0, places.shape, "i32"), places);
  const slot = b.mod(places, b.full(ring, places.shape, "i32"));
  return b.gather(rows, b.select(isThere, slot, b.full(-1, places.shape, "i32")), axis);
}

/** Positions at computed indices: those must be known not to be later than that of a row. */
function lookedUp(want: WantOf<"gather">, ids: Node, modes: Modes): Slots {
  const { frame, node } = want;
  const { axis } = node.attributes;
  const { least, most } = frame.bounds(ids);
  let last = Number.POSITIVE_INFINITY;
  let window = Number.POSITIVE_INFINITY;
  for (const { factors, constant } of most) {
    const [[row, factor] = [-1, 0], ...more] = [...factors];
    const mode = modes[row];
    if (factors.size === 0 && constant <= 0) last = Math.min(last, 0);
    // An index is not negative, so a part of it is at most itself.
    else if (mode && more.length === 0 && factor > 0 && factor <= 1)
      last = Math.min(last, Math.floor(constant + 1e-6) + reach(mode));
  }
  for (const { factors, constant } of least) {
    const [[row, factor] = [-1, 0], ...more] = [...factors];
    const mode = modes[row];
    if (mode?.kind === "rows" && more.length === 0 && factor === 1)
      window = Math.min(window, Math.max(1, 1 - Math.ceil(constant - 1e-6) - mode.from));
  }
  if (last === Number.POSITIVE_INFINITY)
    return unfit(want, `reads ${axisWord(want)} at places that are not known to be earlier ones`);
  const support = demandPast(want, { last, window }, node.inputs[0]!.shape[axis]!.size, "reads");
  return slotsAt(want, "at", support.window, support.last);
}
