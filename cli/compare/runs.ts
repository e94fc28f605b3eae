/**
 * A plan of one variant and seed → its run folder, finished: new, continued, or found as it is.
 */
import { join } from "node:path";
import { openCheckpoint } from "../../runtime/checkpoint.js";
import { RuntimeError } from "../../runtime/errors.js";
import { readCheckpoint } from "../checkpoint.js";
import type { Context, Host } from "../context.js";
import { createContext, log, warn } from "../context.js";
import { fail } from "../failure.js";
import { exists, foldersIn, limits, readText, removeTree } from "../files.js";
import type { Resolved } from "../run-folder.js";
import { readRun } from "../run-folder.js";
import { messageOf } from "../runtime-failure.js";
import type { TrainingPlan } from "../train-plan.js";
import { trainPlan } from "../training.js";
import type { Outcome } from "./observe.js";
import { createWatch, runFiles, writeOutcome } from "./observe.js";

/** Whether the run is over, one way or the other; false where it was interrupted. */
export async function finishRun(context: Context, plan: TrainingPlan, label: string): Promise<boolean> {
  const { folder } = plan.run;
  const own = labelled(context, label);
  if (!exists(join(folder, "resolved.json"))) return train(own, plan);
  refuseOther(plan);
  if (readOutcome(folder)) {
    log(own, `already there: ${folder}`);
    return true;
  }
  if (foldersIn(join(folder, "checkpoints")).length === 0) {
    removeTree(folder);
    return train(own, plan);
  }
  const files = await readCheckpoint(folder, (message) => warn(own, message));
  const checkpoint = await openCheckpoint(plan.program, files);
  log(own, `continuing after step ${checkpoint.state.step} of ${plan.run.resolved.steps}`);
  return train(own, { ...plan, checkpoint });
}

async function train(context: Context, plan: TrainingPlan): Promise<boolean> {
  try {
    return (await trainPlan(context, plan, createWatch(plan))) === 0;
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.code !== "TFM6008") throw error;
    const message = messageOf(error);
    const step = Number(/at step (\d+)/.exec(message)?.[1] ?? 0);
    writeOutcome(plan.run.folder, { outcome: "diverged", step, message, sample: undefined });
    warn(context, message);
    return true;
  }
}

/** Undefined where the run is not over. */
export function readOutcome(folder: string): Outcome | undefined {
  const path = join(folder, runFiles.outcome);
  return exists(path) ? (JSON.parse(readText(path, limits.text)) as Outcome) : undefined;
}

/** Where the data lies and how the file is called make no other run. */
const elsewhere: readonly (keyof Resolved)[] = ["data", "file"];

/** A folder of other settings is neither continued nor overwritten. */
function refuseOther({ run }: TrainingPlan): void {
  const there = readRun(run.folder);
  const keys = Object.keys({ ...there.resolved, ...run.resolved }) as (keyof Resolved)[];
  const text = (resolved: Resolved, key: keyof Resolved): string =>
    JSON.stringify(resolved[key]) ?? "nothing";
  const odd = keys.find(
    (key) => !elsewhere.includes(key) && text(there.resolved, key) !== text(run.resolved, key),
  );
  if (odd === undefined && there.source === run.source) return;
  const what =
    odd === undefined
      ? "its model.tfm is another"
      : `its ${odd} is ${text(there.resolved, odd)}, and now it would be ${text(run.resolved, odd)}`;
  fail(
    "existing-run",
    `\`${run.folder}\` holds a run that differs: ${what}`,
    "choose another `-o`, or remove the folder",
    run.folder,
  );
}

// -------------------------------------------------------------------- messages

const liveStart = "\r\u001b[K";

/** The same process, whose messages say which run they are about; results go nowhere. */
function labelled({ host, options, sources }: Context, label: string): Context {
  const prefix = `${label}: `;
  const { stderr } = host;
  const own: Host = {
    ...host,
    stdout: { ...host.stdout, write: () => {} },
    stderr: {
      terminal: stderr.terminal,
      columns: stderr.columns - prefix.length,
      write: (text) => stderr.write(prefixed(text, prefix)),
    },
  };
  return createContext(own, { ...options, json: false }, sources);
}

function prefixed(text: string, prefix: string): string {
  if (text === liveStart) return text;
  return text.startsWith(liveStart)
    ? `${liveStart}${prefix}${text.slice(liveStart.length)}`
    : `${prefix}${text}`;
}
