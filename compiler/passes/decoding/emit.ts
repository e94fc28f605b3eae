/**
 * The forward graph → the graph of a step: each node in the positions that are wanted of it.
 *
 * ```
 * p = softmax(q·k / 8, j ≤ i)      rows i, slots j
 * y = contract(p, v)               rows i            v: slots j of a cache that this step's rows were written to
 * ```
 */
import type { Node } from "../../ir/graph.js";
import { rowOf } from "../../ir/ops/index.js";
import { contractStep, gatherStep, rankStep, reduceStep, softmaxStep } from "./axes.js";
import { encoded, fixedValue, keptRows } from "./caches.js";
import type { Frame } from "./frame.js";
import { fixedOperand } from "./frame.js";
import {
  broadcastStep,
  concatStep,
  iotaStep,
  movesTime,
  padStep,
  reshapeStep,
  sliceStep,
  transposeStep,
  windowStep,
} from "./layout.js";
import { excess, isNew, isTime, modesText, reach, shapeIn, timeAxes } from "./modes.js";
import { placeName } from "./names.js";
import { cumsumStep } from "./recurrence.js";
import { refuse } from "./refusal.js";
import { carriedValue, regionResult, stackedValue } from "./region.js";
import type { Emit, Want, WantOf } from "./want.js";
import { axisWord, looksAhead, unfit } from "./want.js";

export const emit: Emit = (frame, node, modes) => {
  const key = `${node.key} ${modesText(modes)}`;
  const known = frame.made.get(key);
  if (known) return known;
  const want: Want = { frame, node, modes, emit };
  demandPast(want);
  const made = placed(want);
  frame.made.set(key, made);
  return made;
};

/** Nothing reads an index that a text of the same length does not have. */
function demandPast(want: Want): void {
  const { node, modes, frame } = want;
  node.shape.forEach(({ size }, axis) => {
    if (!isTime(size, frame.d.time)) return;
    const most = excess(size, frame.d.time);
    if (most === undefined)
      unfit(want, `has an axis that grows with ${axisWord(want)} otherwise than one by one`);
    else if (reach(modes[axis]!) > most) looksAhead(want, reach(modes[axis]!) - most);
  });
}

function placed(want: Want): Node {
  const { frame, node, modes } = want;
  if (node.op === "input" && node.attributes.kind === "fixed")
    return fixedValue(frame, emit(frame.body!.outer, fixedOperand(frame.body!.region, node), modes));
  const { grows, source } = frame.dependence(node);
  const times = timeAxes(node.shape, frame.d.time);
  if (!grows && source && times.length === 0 && !isSpread(node)) return encoded(want);
  const isKept = grows && times.length === 1 && !movesTime(node, frame.d.time) && !modes.every(isNew);
  return isKept ? keptRows(want) : step(want);
}

/** Ops that make nothing: of a source, what they are made of is kept. */
const isSpread = ({ op }: Node): boolean => op === "broadcast" || op === "transpose" || op === "reshape";

function step(want: Want): Node {
  const { node } = want;
  switch (node.op) {
    case "input":
      return inputStep(want as WantOf<"input">);
    case "length":
      if (isTime(node.attributes.size, want.frame.d.time))
        refuse("TFM4102", `${placeName(want.frame, node)} counts with the length of ${axisWord(want)}.`);
      return node;
    case "iota":
      return iotaStep(want as WantOf<"iota">);
    case "broadcast":
      return broadcastStep(want as WantOf<"broadcast">);
    case "transpose":
      return transposeStep(want as WantOf<"transpose">);
    case "reshape":
      return reshapeStep(want as WantOf<"reshape">);
    case "slice":
      return sliceStep(want as WantOf<"slice">);
    case "pad":
      return padStep(want as WantOf<"pad">);
    case "concat":
      return concatStep(want as WantOf<"concat">);
    case "window":
      return windowStep(want as WantOf<"window">);
    case "contract":
      return contractStep(want as WantOf<"contract">);
    case "reduce":
      return reduceStep(want as WantOf<"reduce">);
    case "softmax":
    case "logsumexp":
      return softmaxStep(want as WantOf<"softmax" | "logsumexp">);
    case "rank":
      return rankStep(want as WantOf<"rank">);
    case "cumsum":
      return cumsumStep(want as WantOf<"cumsum">);
    case "gather":
      return gatherStep(want as WantOf<"gather">);
    case "get":
      return getStep(want as WantOf<"get">);
    default:
      return otherStep(want);
  }
}

/** Maps do element by element what they do; what else there may be is the same in a step where no axis of it is a time. */
function otherStep(want: Want): Node {
  const { frame, node, modes } = want;
  const isMap = rowOf(node.op).kind === "map";
  const { time } = frame.d;
  if (!isMap && [node, ...node.inputs].some(({ shape }) => timeAxes(shape, time).length > 0))
    return unfit(want, `does something with ${axisWord(want)} that no step can (${node.op})`);
  return frame.d.b.remake(
    node,
    node.inputs.map((x) => emit(frame, x, isMap ? modes : x.shape.map(() => undefined))),
  );
}

function inputStep(want: WantOf<"input">): Node {
  const { frame, node, modes } = want;
  const { kind } = node.attributes;
  if (kind === "carry" || kind === "slice") demandNew(want);
  if (kind === "carry") return carriedValue(frame, node);
  if (kind === "slice") return stackedValue(want);
  if (kind === "input") {
    demandNew(want);
    if (timeAxes(node.shape, frame.d.time).length > 1)
      unfit(want, `is given for pairs of positions of ${axisWord(want)}`);
  }
  return frame.d.b.input(kind, node.attributes.name, shapeIn(node.shape, modes, frame.d.time), node.dtype);
}

/** What comes from outside of the graph or from another turn is there for the new positions only. */
function demandNew(want: Want): void {
  if (!want.modes.every(isNew)) unfit(want, `keeps something for pairs of positions of ${axisWord(want)}`);
}

function getStep(want: WantOf<"get">): Node {
  demandNew(want);
  const { frame, node } = want;
  const region = node.inputs[0]!;
  if (region.op !== "repeat") throw new Error(`internal: get of ${region.op}`);
  return regionResult(frame as Frame, region, node.attributes.index, emit);
}
