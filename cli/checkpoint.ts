/**
 * Training state → a checkpoint on disk that is whole or absent, and back.
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
import { fail } from "./failure.js";
import { exists, foldersIn, limits, linkAtomic, makeFolder, readBytes, removeTree, sha256, writeFolderAtomic } from "./files.js";

/** What resuming needs beside the tensors. */
export interface TrainingState {
  readonly format: 1;
  readonly step: number;
  /** The generator is counter-based: seed and step are its whole state, and the data cursor as well. */
  readonly seed: number;
  readonly tokens: number;
  readonly lossScale: 1;
}

export interface Checkpoint {
  readonly state: TrainingState;
  readonly model: Uint8Array;
  readonly optimizer: Uint8Array;
}

interface Manifest {
  readonly format: 1;
  readonly step: number;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

const kept = 2;
const fileNames = ["model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"] as const;

const checkpointsOf = (run: string): string => join(run, "checkpoints");
const folderOf = (run: string, step: number): string =>
  join(checkpointsOf(run), `step-${String(step).padStart(8, "0")}`);

/** Newest first. */
function checkpointFolders(run: string): readonly string[] {
  const folders = foldersIn(checkpointsOf(run)).filter((path) => /^step-\d{8,}$/.test(basename(path)));
  return [...folders].sort((a, b) => stepOf(b) - stepOf(a));
}

const stepOf = (folder: string): number => Number(basename(folder).slice("step-".length));

export function writeCheckpoint(run: string, { state, model, optimizer }: Checkpoint): string {
  const folder = folderOf(run, state.step);
  const files = new Map<string, Uint8Array | string>([
    ["model.safetensors", model],
    ["optimizer.safetensors", optimizer],
    ["state.json", `${JSON.stringify(state, null, 2)}\n`],
  ]);
  files.set("manifest.json", `${JSON.stringify(manifestOf(state.step, files), null, 2)}\n`);
  makeFolder(checkpointsOf(run));
  writeFolderAtomic(folder, files);
  for (const name of fileNames) linkAtomic(join(folder, name), join(run, name));
  removeOld(run);
  return folder;
}

function manifestOf(step: number, files: ReadonlyMap<string, Uint8Array | string>): Manifest {
  const entries = [...files].map(([name, data]) => [
    name,
    { bytes: typeof data === "string" ? Buffer.byteLength(data) : data.length, sha256: sha256(data) },
  ]);
  return { format: 1, step, files: Object.fromEntries(entries) };
}

/** Older checkpoints, and what a killed process left under a temporary name. */
function removeOld(run: string): void {
  for (const folder of checkpointFolders(run).slice(kept)) removeTree(folder);
  for (const folder of foldersIn(checkpointsOf(run))) if (basename(folder).endsWith(".tmp")) removeTree(folder);
}

/** The newest checkpoint that is whole; `damaged` hears about those that are not. */
export function readCheckpoint(run: string, damaged: (message: string) => void): Checkpoint {
  const folders = checkpointFolders(run);
  for (const folder of folders) {
    const read = readFolder(folder);
    if (typeof read !== "string") return read;
    damaged(`checkpoint \`${folder}\` is damaged and not used: ${read}`);
  }
  if (folders.length === 0) return fail("broken-run", `\`${run}\` holds no checkpoint`, "train a model with `tfmc train FILE --data PATH -o RUN`", run);
  return fail("broken-run", `no checkpoint of \`${run}\` is whole`, "copy the run again, or train anew", run);
}

/** The checkpoint, or why it is not whole. */
function readFolder(folder: string): Checkpoint | string {
  const manifest = parseManifest(join(folder, "manifest.json"));
  if (!manifest) return "its manifest is missing or unreadable";
  const files = new Map<string, Uint8Array>();
  for (const [name, { bytes, sha256: sum }] of Object.entries(manifest.files)) {
    const path = join(folder, name);
    if (!exists(path)) return `\`${name}\` is missing`;
    const data = readBytes(path, limits.tensors);
    if (data.length !== bytes) return `\`${name}\` has ${data.length} bytes of ${bytes}`;
    if (sha256(data) !== sum) return `the SHA-256 sum of \`${name}\` does not match`;
    files.set(name, data);
  }
  const [model, optimizer, state] = fileNames.map((name) => files.get(name));
  if (!model || !optimizer || !state) return "its manifest does not name all files";
  return { model, optimizer, state: JSON.parse(new TextDecoder().decode(state)) as TrainingState };
}

function parseManifest(path: string): Manifest | undefined {
  if (!exists(path)) return undefined;
  try {
    const manifest = JSON.parse(new TextDecoder().decode(readBytes(path, limits.model))) as Partial<Manifest>;
    const whole = manifest.format === 1 && typeof manifest.files === "object" && manifest.files !== null;
    return whole ? (manifest as Manifest) : undefined;
  } catch {
    return undefined;
  }
}
