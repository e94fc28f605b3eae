/**
 * Batches and a model's logits → how often the likeliest class or token is the right one.
 */
import type { Program, Value } from "../../runtime/program.js";
import type { Session } from "../../runtime/session.js";
import type { DataBatch } from "./dataset.js";
import { idsOf } from "./dataset.js";
import type { Task } from "./task.js";

export interface Accuracy {
  readonly right: number;
  /** Targets that count. */
  readonly count: number;
  readonly share: number;
}

/** The input that holds what is to be said; undefined where a stream's model does not ask for it. */
export function targetsOf(task: Task): string | undefined {
  switch (task.kind) {
    case "stream":
    case "pairs":
      return task.next;
    case "masked":
      return task.original;
    case "texts":
    case "images":
      return task.label.name;
    default:
      return task satisfies never;
  }
}

export const hasClasses = (task: Task): boolean => task.kind === "texts" || task.kind === "images";

/** The output with a score for each class at each target, where the model has one. */
export function logitsFor({ entries, inputs }: Program, task: Task): Value | undefined {
  const targets = inputs.find(({ name }) => name === targetsOf(task));
  const fits = ({ shape, dtype }: Value): boolean =>
    dtype === "f32" &&
    shape.length === (targets?.shape.length ?? Number.NaN) + 1 &&
    typeof shape.at(-1) === "number";
  const { outputs } = entries.forward;
  return outputs.find((value) => value.name === "logits" && fits(value)) ?? outputs.find(fits);
}

/** Undefined where the model gives no logits for its targets. */
export async function accuracyOf(
  session: Session,
  task: Task,
  batches: Iterable<DataBatch>,
): Promise<Accuracy | undefined> {
  const [name, logits] = [targetsOf(task), logitsFor(session.program, task)];
  if (name === undefined || logits === undefined) return undefined;
  let [right, count] = [0, 0];
  for (const batch of batches) {
    const guesses = await likeliest(session, logits, batch);
    const targets = idsOf(batch, name);
    guesses.forEach((guess, n) => {
      if (targets[n]! < 0) return;
      count++;
      if (guess === targets[n]) right++;
    });
  }
  return { right, count, share: count === 0 ? 0 : right / count };
}

/** The class of the largest logit at each place. */
export async function likeliest(
  session: Session,
  { name, shape }: Value,
  { inputs }: DataBatch,
): Promise<Int32Array> {
  const outputs = await session.run("forward", inputs, {}, { read: [name] });
  const logits = outputs[name]!;
  const width = shape.at(-1) as number;
  return Int32Array.from({ length: logits.length / width }, (_, row) => largest(logits, row * width, width));
}

function largest(values: ArrayLike<number>, from: number, width: number): number {
  let best = 0;
  for (let n = 1; n < width; n++) if (values[from + n]! > values[from + best]!) best = n;
  return best;
}
