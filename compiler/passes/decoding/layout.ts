/** Steps of ops that only move elements. */
import type { Node } from "../../ir/graph.js";
import type { Size } from "../../ir/shape.js";
import { addSizes } from "../../ir/shape.js";
import type { Mode, Modes, Rows } from "./modes.js";
import { indexVector, isTime, keptByReshape, rowsFrom, shapeIn, sizeIn, slotsOf } from "./modes.js";
import { placeName } from "./names.js";
import { refuse } from "./refusal.js";
import type { WantOf } from "./want.js";
import { axisWord, looksAhead, slotsAt, straight, unfit } from "./want.js";

export function broadcastStep({ frame, node, modes, emit }: WantOf<"broadcast">): Node {
  const { shape, from } = node.attributes;
  const x = node.inputs[0]!;
  const own = x.shape.map((_, axis) => modes[from.indexOf(axis)]);
  return frame.d.b.broadcastTo(emit(frame, x, own), shapeIn(shape, modes, frame.d.time), from);
}

export function transposeStep({ frame, node, modes, emit }: WantOf<"transpose">): Node {
  const { order } = node.attributes;
  const x = node.inputs[0]!;
  const own = x.shape.map((_, axis) => modes[order.indexOf(axis)]);
  return frame.d.b.transpose(emit(frame, x, own), order);
}

export function reshapeStep(want: WantOf<"reshape">): Node {
  const { frame, node, modes, emit } = want;
  const { time, b } = frame.d;
  const x = node.inputs[0]!;
  const kept = keptByReshape(x.shape, node.shape);
  const own = x.shape.map(({ size }, axis) => (isTime(size, time) ? modes[kept.indexOf(axis)] : undefined));
  if (x.shape.some(({ size }, axis) => isTime(size, time) && !own[axis]))
    unfit(want, `puts the positions of ${axisWord(want)} together with another axis, or parts them`);
  return b.reshape(emit(frame, x, own), shapeIn(node.shape, modes, time));
}

const replaced = (modes: Modes, axis: number, mode: Mode | undefined): Modes =>
  modes.map((old, n) => (n === axis ? mode : old));

/** The indices of an operand that lies `by` further on. */
const shifted = (mode: Mode, by: number): Mode =>
  mode.kind === "rows" ? rowsFrom(mode.from + by, mode.more) : slotsOf(mode.layout, mode.last + by);

export function sliceStep(want: WantOf<"slice">): Node {
  const { frame, node, modes, emit } = want;
  const { b, time } = frame.d;
  const { axis, start, size } = node.attributes;
  const x = node.inputs[0]!;
  const mode = modes[axis];
  const whole = x.shape[axis]!.size;
  if (isTime(start, time))
    refuse(
      "TFM4102",
      `${placeName(frame, node)} reads a position of ${axisWord(want)} that depends on its length.`,
    );
  if (!isTime(whole, time))
    return mode ? beginning(want, mode) : b.slice(emit(frame, x, modes), axis, start, size);
  if (typeof start !== "number") return unfit(want, `reads ${axisWord(want)} from a length on`);
  if (!mode) return oneOfAll(want, start, size);
  const operand = emit(frame, x, replaced(modes, axis, shifted(mode, start)));
  if (mode.kind === "rows") return operand;
  straight(want, mode);
  return b.slice(operand, axis, start, sizeIn(size, mode, time));
}

/** Rows of a constant axis by position: learned vectors, tables of angles. */
function beginning(want: WantOf<"slice">, mode: Mode): Node {
  const { frame, node, modes, emit } = want;
  const { b, time } = frame.d;
  const { axis, start } = node.attributes;
  if (typeof start !== "number") return unfit(want, `reads ${axisWord(want)} from a length on`);
  const x = emit(frame, node.inputs[0]!, replaced(modes, axis, undefined));
  const { name, size } = node.shape[axis]!;
  if (mode.kind === "slots" && mode.layout.ring === undefined)
    return b.slice(x, axis, start, sizeIn(size, mode, time));
  const index = indexVector(b, name, size, mode, time); // [n]
  return b.gather(x, start === 0 ? index : b.add(index, b.full(start, index.shape, "i32")), axis);
}

/** The first position is there from the beginning; another one is not, and then it is a later one. */
function oneOfAll(want: WantOf<"slice">, start: number, size: Size): Node {
  const { frame, node, modes, emit } = want;
  const { axis } = node.attributes;
  const end = addSizes(start, size);
  if (typeof end !== "number") return unfit(want, `reads ${axisWord(want)} up to another length`);
  if (end > 1) looksAhead(want, end - 1);
  const mode = slotsAt(want, axis, Number.POSITIVE_INFINITY, 0);
  straight(want, mode);
  return frame.d.b.slice(emit(frame, node.inputs[0]!, replaced(modes, axis, mode)), axis, start, size);
}

export function padStep(want: WantOf<"pad">): Node {
  const { frame, node, modes, emit } = want;
  const { b, time } = frame.d;
  const { axis, before, after } = node.attributes;
  const x = node.inputs[0]!;
  const mode = modes[axis];
  if (!mode) return b.pad(emit(frame, x, modes), axis, before, after);
  if (!isTime(x.shape[axis]!.size, time) || typeof before !== "number")
    return unfit(want, `fills up to the length of ${axisWord(want)}`);
  const operand = emit(frame, x, replaced(modes, axis, shifted(mode, -before)));
  if (mode.kind === "rows") return mode.from < before ? from(want, operand, mode, before) : operand;
  straight(want, mode);
  return b.pad(operand, axis, before, after);
}

/** `x` where the index along the axis is at least `first`, 0 or `otherwise` before. */
function from(
  { frame, node, modes }: WantOf<"pad" | "concat">,
  x: Node,
  mode: Rows,
  first: number,
  otherwise?: Node,
): Node {
  const { b, time } = frame.d;
  const { axis } = node.attributes;
  const { name, size } = node.shape[axis]!;
  const index = indexVector(b, name, size, mode, time); // [n]
  const isThere = b.le(b.full(first, index.shape, "i32"), index); // [n]
  const shape = shapeIn(node.shape, modes, time);
  const spread = b.broadcastTo(
    isThere,
    shape,
    shape.map((_, n) => (n === axis ? 0 : -1)),
  );
  return b.select(spread, x, otherwise ?? b.full(0, shape, x.dtype));
}

export function concatStep(want: WantOf<"concat">): Node {
  const { frame, node, modes, emit } = want;
  const { b, time } = frame.d;
  const { axis } = node.attributes;
  const mode = modes[axis];
  if (!mode)
    return b.concat(
      node.inputs.map((x) => emit(frame, x, modes)),
      axis,
    );
  let offset: Size = 0;
  let result: Node | undefined;
  const parts: Node[] = [];
  for (const x of node.inputs) {
    if (typeof offset !== "number")
      return unfit(want, `puts something behind the last position of ${axisWord(want)}`);
    const grows = isTime(x.shape[axis]!.size, time);
    const own = grows ? shifted(mode, -offset) : undefined;
    if (mode.kind === "slots") parts.push(emit(frame, x, replaced(modes, axis, own)));
    else {
      const part = emit(frame, x, replaced(modes, axis, own));
      const rows = grows ? part : looked(want, part, mode, offset);
      result = result ? from(want, rows, mode, offset, result) : rows;
    }
    offset = addSizes(offset, x.shape[axis]!.size);
  }
  straight(want, mode);
  return result ?? b.concat(parts, axis);
}

/** The rows of a part of constant length that the indices point at. */
function looked({ frame, node }: WantOf<"concat">, part: Node, mode: Rows, offset: number): Node {
  const { b, time } = frame.d;
  const { axis } = node.attributes;
  const { name, size } = node.shape[axis]!;
  const index = indexVector(b, name, size, rowsFrom(mode.from - offset, mode.more), time);
  return b.gather(part, index, axis);
}

/** Windows of neighbouring positions: those of the new ones reach back to earlier ones. */
export function windowStep(want: WantOf<"window">): Node {
  const { frame, node, modes, emit } = want;
  const { time, b } = frame.d;
  const { axis, along, stride, dilation, size } = node.attributes;
  const x = node.inputs[0]!;
  const width = x.shape[along]!.size;
  const mode = modes[axis];
  if (isTime(width, time) || isTime(x.shape[axis]!.size, time) !== (mode !== undefined))
    return unfit(want, `reads windows as long as ${axisWord(want)}`);
  if (!mode) return b.window(emit(frame, x, modes), node.attributes);
  if (stride !== 1 || typeof width !== "number")
    return unfit(want, `has not one window for each position of ${axisWord(want)}`);
  if (mode.kind === "slots") return unfit(want, `reads windows of all positions of ${axisWord(want)}`);
  const reached = rowsFrom(mode.from, mode.more + (width - 1) * dilation);
  const rows = emit(frame, x, replaced(modes, axis, reached));
  return b.window(rows, { ...node.attributes, size: sizeIn(size, mode, time) });
}

export function iotaStep({ frame, node, modes }: WantOf<"iota">): Node {
  const { b, time } = frame.d;
  const { shape, axis, offset } = node.attributes;
  const result = shapeIn(shape, modes, time);
  const mode = modes[axis];
  if (!mode) return b.iota(result, axis, offset);
  const { name, size } = shape[axis]!;
  const index = indexVector(b, name, size, mode, time); // [n]
  const moved =
    offset === 0 ? index : b.add(index, b.broadcastTo(b.length(offset, "i32"), index.shape, [-1]));
  return b.broadcastTo(
    moved,
    result,
    shape.map((_, n) => (n === axis ? 0 : -1)),
  );
}

/** Whether an op only says where elements of another one are, along a time axis: what is kept is the other one. */
export function movesTime(node: Node, time: string): boolean {
  switch (node.op) {
    case "broadcast":
    case "transpose":
    case "reshape":
      return true;
    case "slice":
    case "pad":
    case "concat":
      return node.inputs.some((x) => isTime(x.shape[node.attributes.axis]!.size, time));
    default:
      return false;
  }
}
