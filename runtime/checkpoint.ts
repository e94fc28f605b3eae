/**
 * Training state ↔ the files of a checkpoint as bytes; whoever has a file system writes them, the manifest last.
 *
 *   await packCheckpoint({ state: { step: 200, … }, weights, states, files: { "model.tfm": … } })
 *     → Map { "model.safetensors", "optimizer.safetensors", "state.json", "model.tfm", "manifest.json" }
 */
import { RuntimeError } from "./errors.js";
import type { Program } from "./program.js";
import { readSafetensors } from "./safetensors.js";
import type { Weights } from "./weights.js";
import { matchParameters, matchStates, writeWeights } from "./weights.js";

/** Randomness and data are functions of the seed and the step: these numbers are the whole state of both. */
export interface TrainingState {
  readonly format: 1;
  readonly step: number;
  readonly seed: number;
  /** Tokens seen. */
  readonly tokens: number;
  readonly lossScale: number;
}

export interface CheckpointParts {
  readonly state: TrainingState;
  readonly weights: Weights;
  readonly states: Weights;
  /** Further files: model.tfm, tokenizer.json, … */
  readonly files?: Readonly<Record<string, Uint8Array | string>>;
}

interface Manifest {
  readonly format: 1;
  readonly step: number;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

const manifestName = "manifest.json";
const textBytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const jsonBytes = (value: unknown): Uint8Array => textBytes(`${JSON.stringify(value, undefined, 2)}\n`);

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** File name → bytes; the manifest is the last. */
export async function packCheckpoint(parts: CheckpointParts): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const [name, content] of Object.entries(parts.files ?? {}))
    files.set(name, typeof content === "string" ? textBytes(content) : content);
  files.set("model.safetensors", writeWeights(parts.weights));
  files.set("optimizer.safetensors", writeWeights(parts.states));
  files.set("state.json", jsonBytes(parts.state));
  const sums: Record<string, { bytes: number; sha256: string }> = {};
  for (const [name, bytes] of files) sums[name] = { bytes: bytes.length, sha256: await sha256(bytes) };
  const manifest: Manifest = { format: 1, step: parts.state.step, files: sums };
  return files.set(manifestName, jsonBytes(manifest));
}

const damaged = (message: string): RuntimeError =>
  new RuntimeError("TFM6301", message, "Use the checkpoint before it.");

/** Verifies every file against the manifest, then reads the parts; all that is not as written is TFM6301. */
export async function openCheckpoint(
  program: Program,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<CheckpointParts> {
  await verifyCheckpoint(files);
  const state = parseState(jsonOf(files, "state.json"));
  try {
    const weights = matchParameters(program, readSafetensors(files.get("model.safetensors")!).tensors);
    const states = matchStates(program, readSafetensors(files.get("optimizer.safetensors")!).tensors);
    return { state, weights, states, files: otherFiles(files) };
  } catch (cause) {
    if (!(cause instanceof RuntimeError) || cause.code !== "TFM6102") throw cause;
    throw new RuntimeError("TFM6302", `This checkpoint is of another model. ${cause.message}`, undefined, {
      cause,
    });
  }
}

const ownFiles = ["model.safetensors", "optimizer.safetensors", "state.json", manifestName];
const otherFiles = (files: ReadonlyMap<string, Uint8Array>): Readonly<Record<string, Uint8Array>> =>
  Object.fromEntries([...files].filter(([name]) => !ownFiles.includes(name)));

/** Throws TFM6301 unless every file of the manifest is there, whole and unchanged. */
export async function verifyCheckpoint(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const manifest = parseManifest(jsonOf(files, manifestName));
  for (const name of ownFiles)
    if (name !== manifestName && !Object.hasOwn(manifest.files, name))
      throw damaged(`The manifest lacks \`${name}\`.`);
  for (const [name, { bytes, sha256: sum }] of Object.entries(manifest.files)) {
    const data = files.get(name);
    if (!data) throw damaged(`\`${name}\` is missing.`);
    if (data.length !== bytes) throw damaged(`\`${name}\` has ${data.length} bytes of ${bytes}.`);
    if ((await sha256(data)) !== sum) throw damaged(`The SHA-256 sum of \`${name}\` does not match.`);
  }
}

function jsonOf(files: ReadonlyMap<string, Uint8Array>, name: string): unknown {
  const bytes = files.get(name);
  if (!bytes) throw damaged(`\`${name}\` is missing.`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw new RuntimeError("TFM6301", `\`${name}\` is not JSON.`, "Use the checkpoint before it.", { cause });
  }
}

function parseManifest(json: unknown): Manifest {
  const { format, files } = (json ?? {}) as Partial<Manifest>;
  if (format !== 1 || typeof files !== "object" || files === null)
    throw damaged("The manifest is not one of format 1.");
  const whole = Object.values(files).every(
    (entry) => typeof entry?.bytes === "number" && typeof entry.sha256 === "string",
  );
  if (!whole) throw damaged("The manifest lacks a size or a sum.");
  return json as Manifest;
}

function parseState(json: unknown): TrainingState {
  const state = (json ?? {}) as TrainingState;
  const counts = [state.step, state.seed, state.tokens];
  if (state.format !== 1 || !counts.every(Number.isSafeInteger) || !(state.lossScale > 0))
    throw damaged("`state.json` is not a training state of format 1.");
  return state;
}
