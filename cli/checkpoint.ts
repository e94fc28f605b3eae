/**
 * The files of a checkpoint → a folder on disk that is whole or absent, and back.
 *
 * ```
 * RUN/checkpoints/step-00000200/{model.safetensors, optimizer.safetensors, state.json, manifest.json}
 * RUN/{model.safetensors, optimizer.safetensors, state.json, manifest.json}        the newest, for other tools
 * ```
 *
 * The folder is written under a temporary name, each file synced, the manifest with the SHA-256 sums last, and renamed; then
 * its parent is synced. Two are kept, so a damaged one leaves another.
 */
import { basename, join } from "node:path";
import { verifyCheckpoint } from "../runtime/checkpoint.js";
import { RuntimeError } from "../runtime/errors.js";
import { fail } from "./failure.js";
import {
  filesIn,
  foldersIn,
  limits,
  linkAtomic,
  makeFolder,
  readBytes,
  removeTree,
  writeFolderAtomic,
} from "./files.js";
import { messageOf } from "./runtime-failure.js";

/** File name → bytes; the manifest is the last. */
export type CheckpointFiles = ReadonlyMap<string, Uint8Array>;

const kept = 2;

const checkpointsOf = (run: string): string => join(run, "checkpoints");
const folderOf = (run: string, step: number): string =>
  join(checkpointsOf(run), `step-${String(step).padStart(8, "0")}`);

/** Newest first. */
function checkpointFolders(run: string): readonly string[] {
  const folders = foldersIn(checkpointsOf(run)).filter((path) => /^step-\d{8,}$/.test(basename(path)));
  return [...folders].sort((a, b) => stepOf(b) - stepOf(a));
}

const stepOf = (folder: string): number => Number(basename(folder).slice("step-".length));

/** The folder written. */
export function writeCheckpoint(run: string, step: number, files: CheckpointFiles): string {
  const folder = folderOf(run, step);
  makeFolder(checkpointsOf(run));
  writeFolderAtomic(folder, files);
  for (const name of files.keys()) linkAtomic(join(folder, name), join(run, name));
  removeOld(run);
  return folder;
}

/** Older checkpoints, and what a killed process left under a temporary name. */
function removeOld(run: string): void {
  for (const folder of checkpointFolders(run).slice(kept)) removeTree(folder);
  for (const folder of foldersIn(checkpointsOf(run)))
    if (basename(folder).endsWith(".tmp")) removeTree(folder);
}

/** The newest checkpoint that is whole; `damaged` hears about those that are not. */
export async function readCheckpoint(
  run: string,
  damaged: (message: string) => void,
): Promise<CheckpointFiles> {
  const folders = checkpointFolders(run);
  for (const folder of folders) {
    const files = new Map(filesIn(folder).map((path) => [basename(path), readBytes(path, limits.tensors)]));
    const fault = await faultOf(files);
    if (fault === undefined) return files;
    damaged(`checkpoint \`${folder}\` is damaged and not used: ${fault}`);
  }
  if (folders.length > 0)
    return fail(
      "broken-run",
      `no checkpoint of \`${run}\` is whole`,
      "copy the run again, or train anew",
      run,
    );
  return fail(
    "broken-run",
    `\`${run}\` holds no checkpoint yet`,
    "a run writes one every --save-every steps and when it ends",
    run,
  );
}

async function faultOf(files: CheckpointFiles): Promise<string | undefined> {
  try {
    await verifyCheckpoint(files);
    return undefined;
  } catch (error) {
    if (error instanceof RuntimeError) return messageOf(error);
    throw error;
  }
}
