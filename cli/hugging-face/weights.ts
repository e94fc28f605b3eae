/**
 * The tensors of a checkpoint ↔ the parameters of the model, along a plan; gradients go the way of parameters.
 *
 * ```
 * lm_head.weight [96, 32], model.layers.0.self_attn.q_proj.weight [32, 32], …
 *   ↔   head.table [96, 32], layers.0.attention.wq [32, 4, 8], …
 * ```
 */
import { nearest } from "../../compiler/nearest.js";
import { fail } from "../failure.js";
import { toLeft, toRight } from "./layout.js";
import type { Part, Shapes, WeightPlan } from "./plan.js";

/** Name → the bits of its elements. */
export type Words = ReadonlyMap<string, Uint32Array>;
type WordsOf = (name: string) => Uint32Array;

/** Parameter → its elements, made of those of the checkpoint. */
export function toParameters({ moves }: WeightPlan, source: WordsOf): Words {
  const made = new Map<string, Uint32Array>();
  for (const { sources, targets, layout, part } of moves) {
    const whole = joined(sources.map((name) => (part ? cutOut(source(name), part) : source(name))));
    const turned = layout ? toRight(layout.axes, layout.sizes, whole) : whole;
    const size = turned.length / targets.length;
    targets.forEach((name, n) => made.set(name, turned.subarray(n * size, (n + 1) * size)));
  }
  return made;
}

/** Tensor of the checkpoint → its elements, made of those of the parameters; those that repeat others included. */
export function toTensors({ moves, likes }: WeightPlan, parameter: WordsOf): Words {
  const made = new Map<string, Uint32Array>();
  for (const { sources, targets, layout, part } of moves) {
    const whole = joined(targets.map(parameter));
    const turned = layout ? toLeft(layout.axes, layout.sizes, whole) : whole;
    const size = turned.length / sources.length;
    sources.forEach((name, n) => {
      const piece = turned.subarray(n * size, (n + 1) * size);
      if (part) putIn(made, name, piece, part);
      else made.set(name, piece);
    });
  }
  for (const [name, like] of likes) {
    const elements = made.get(like);
    if (elements) made.set(name, elements);
  }
  return made;
}

function joined(pieces: readonly Uint32Array[]): Uint32Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function cutOut(whole: Uint32Array, { from, to, size, inner }: Part): Uint32Array {
  const [row, width] = [size * inner, (to - from) * inner];
  const piece = new Uint32Array((whole.length / row) * width);
  for (let n = 0; n * row < whole.length; n++)
    piece.set(whole.subarray(n * row + from * inner, n * row + to * inner), n * width);
  return piece;
}

function putIn(
  made: Map<string, Uint32Array>,
  name: string,
  piece: Uint32Array,
  { from, to, size, inner }: Part,
): void {
  const [row, width] = [size * inner, (to - from) * inner];
  const rows = piece.length / width;
  const whole = made.get(name) ?? new Uint32Array(rows * row);
  for (let n = 0; n < rows; n++)
    whole.set(piece.subarray(n * width, (n + 1) * width), n * row + from * inner);
  made.set(name, whole);
}

// ---------------------------------------------------------------- what does not fit

/** Names shown of each kind. */
const shown = 8;

/** One message that names everything that does not fit. */
export function checkPlan(plan: WeightPlan, tensors: Shapes, file: string): void {
  const { unused, missing, misfits } = plan;
  const problems = [
    ...listed("the model wants", "which is not there", missing, unused),
    ...listed("there is", "which nothing of the model takes", unused, missing, tensors),
    ...misfits.slice(0, shown),
    ...(misfits.length > shown ? [`and ${misfits.length - shown} more of other shapes`] : []),
  ];
  if (problems.length === 0) return;
  fail(
    "bad-checkpoint",
    `\`${file}\` does not fit its \`config.json\`: ${problems.join("; ")}`,
    "every tensor has a place in the model, and every parameter of the model is there",
    file,
  );
}

function listed(
  before: string,
  after: string,
  names: readonly string[],
  others: readonly string[],
  shapes?: Shapes,
): readonly string[] {
  if (names.length === 0) return [];
  const one = (name: string): string => {
    const near = nearest(name, others);
    const shape = shapes?.get(name);
    return `\`${name}\`${shape ? ` [${shape.join(", ")}]` : ""}${near ? ` (near it is \`${near}\`)` : ""}`;
  };
  const rest = names.length > shown ? ` and ${names.length - shown} more` : "";
  return [`${before} ${names.slice(0, shown).map(one).join(", ")}${rest}, ${after}`];
}

/** Tensors that stand twice must be equal, bit for bit. */
export function checkLikes({ likes }: WeightPlan, source: WordsOf, file: string): void {
  for (const [name, like] of likes) {
    const [one, other] = [source(name), source(like)];
    const differs = one.length !== other.length ? 0 : one.findIndex((word, n) => word !== other[n]);
    if (differs < 0) continue;
    fail(
      "bad-checkpoint",
      `\`${file}\`: \`${name}\` is to be the same as \`${like}\` and is not, first at element ${differs}`,
      "`config.json` says that they are one; is its `tie_word_embeddings` right?",
      file,
    );
  }
}
