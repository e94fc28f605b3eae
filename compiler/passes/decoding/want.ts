/** One wish of a derivation: a node, and which positions of it. */
import type { Node } from "../../ir/graph.js";
import type { OpName } from "../../ir/vocabulary.js";
import type { Frame } from "./frame.js";
import type { Mode, Modes, Slots } from "./modes.js";
import { slotsOf } from "./modes.js";
import { placeName } from "./names.js";
import { refuse } from "./refusal.js";

/** `node` in the positions that `modes` say, as a node of the step graph. */
export type Emit = (frame: Frame, node: Node, modes: Modes) => Node;

export interface Want<N extends Node = Node> {
  readonly frame: Frame;
  readonly node: N;
  readonly modes: Modes;
  readonly emit: Emit;
}

export type WantOf<K extends OpName> = Want<Extract<Node, { op: K }>>;

/** The place where positions are summed over, as a layout that the ways there share. */
export function placeOf(
  { frame, node }: Pick<Want, "frame" | "node">,
  label: string | number,
  window: number,
): Slots["layout"] {
  const { plan, readings } = frame.d;
  const place = `${frame.id}${node.key}/${label}`;
  readings.windows.set(place, window);
  return { id: plan.layoutId(place), ring: plan.ringOf(place) };
}

export const slotsAt = (want: Want, label: string | number, window: number, last: number): Slots =>
  slotsOf(placeOf(want, label, window), last);

/** The layout is read in a way that needs slot n to hold position n. */
export function straight({ frame }: Pick<Want, "frame">, mode: Mode | undefined): void {
  if (mode?.kind !== "slots") return;
  frame.d.readings.straight.add(mode.layout.id);
  if (mode.layout.ring !== undefined)
    throw new Error(`internal: ${mode.layout.id} is a ring and must not be one`);
}

/** Another place reads what the layout holds, further back maybe. */
export function alsoReads({ frame }: Pick<Want, "frame">, { layout }: Slots, window: number): void {
  const { windows } = frame.d.readings;
  windows.set(layout.id, Math.max(window, windows.get(layout.id) ?? window));
}

/** The way of speaking of the axis that grows. */
export const axisWord = ({ frame }: Pick<Want, "frame">): string => `\`${frame.d.axis}\``;

export const unfit = (want: Pick<Want, "frame" | "node">, what: string): never =>
  refuse("TFM4104", `${placeName(want.frame, want.node)} ${what}.`);

export function looksAhead(want: Pick<Want, "frame" | "node">, positions: number): never {
  const count = positions === 1 ? "1 position" : `${positions} positions`;
  return refuse(
    "TFM4101",
    `${placeName(want.frame, want.node)} looks ${count} ahead along ${axisWord(want)}.`,
  );
}

export const looksEverywhere = (want: Pick<Want, "frame" | "node">, verb: string): never =>
  refuse(
    "TFM4101",
    `${placeName(want.frame, want.node)} ${verb} all positions of ${axisWord(want)}, later ones too: nothing there says \`j <= i\`.`,
  );
