/**
 * Sources → the targets that a trained model gives them, the likeliest token at a time.
 *
 *   source [5, 6, eos]  →  target bos → 9 → 4 → eos, given as [9, 4]
 *
 * All sources of a batch grow together; a row that has ended waits for the others.
 */
import type { Program, Value } from "../../runtime/program.js";
import type { Session } from "../../runtime/session.js";
import type { TensorLike } from "../../runtime/tensor.js";
import { tensor } from "../../runtime/tensor.js";
import { likeliest, logitsFor } from "./accuracy.js";
import type { DataBatch } from "./dataset.js";
import { roundUp } from "./dataset.js";
import type { Ends } from "./pairs.js";
import type { TaskOf } from "./task.js";
import { widthsOf } from "./task.js";

export interface DecodeOptions extends Ends {
  /** Tokens of a target, its end apart. */
  readonly longest: number;
  readonly beam: number;
}

/** For each row of the batch the ids between bos and eos; `longest` bounds them. */
export async function decode(
  session: Session,
  task: TaskOf<"pairs">,
  { inputs }: DataBatch,
  { bos, eos, longest }: DecodeOptions,
): Promise<readonly (readonly number[])[]> {
  const { program } = session;
  const logits = logitsFor(program, task);
  if (logits === undefined) return [];
  const most = Math.min(widthsOf(task.target, program.lengths).most, longest + 1);
  const [rows = 0] = (inputs[task.source.name] as { readonly shape: readonly number[] }).shape;
  const written: number[][] = Array.from({ length: rows }, () => []);
  const open = new Set(written.keys());
  for (let at = 1; at <= most && open.size > 0; at++) {
    const ids = await nextIds(session, task, logits, { inputs, written, bos, at });
    for (const row of open) {
      if (ids[row] === eos) open.delete(row);
      else written[row]!.push(ids[row]!);
    }
  }
  return written;
}

interface Growing {
  readonly inputs: DataBatch["inputs"];
  readonly written: readonly (readonly number[])[];
  readonly bos: number;
  /** Tokens of a row, bos included. */
  readonly at: number;
}

/** The likeliest token after each row. */
async function nextIds(
  session: Session,
  task: TaskOf<"pairs">,
  logits: Value,
  { inputs, written, bos, at }: Growing,
): Promise<readonly number[]> {
  const { least, most } = widthsOf(task.target, session.program.lengths);
  const width = roundUp(Math.max(least, at), most);
  const target = new Int32Array(written.length * width);
  written.forEach((row, n) => {
    target.set([bos, ...row], n * width);
  });
  const given: Record<string, TensorLike> = {
    ...forwardInputs(session.program, inputs, task),
    [task.target.name]: tensor(target, [written.length, width]),
  };
  const guesses = await likeliest(session, logits, given);
  return written.map((_, n) => guesses[n * width + at - 1]!);
}

/** What the source says; what follows, and where the target is, is made anew: no row looks past its own end. */
const forwardInputs = (
  program: Program,
  inputs: DataBatch["inputs"],
  task: TaskOf<"pairs">,
): Record<string, TensorLike> =>
  Object.fromEntries(
    Object.entries(inputs).filter(
      ([name]) =>
        name !== task.next && name !== task.targetValid && program.entries.forward.inputs.includes(name),
    ),
  );
