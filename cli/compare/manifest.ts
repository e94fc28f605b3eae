/**
 * What was compared ↔ FOLDER/compare.json: from it and the run folders beside it table and report are made, now or later.
 */
import { join } from "node:path";
import type { Recipe } from "../../runtime/program.js";
import { fail } from "../failure.js";
import { exists, limits, readText, writeAtomic } from "../files.js";

export interface ManifestVariant {
  readonly name: string;
  readonly file: string;
  readonly model: string;
  /** Its declaration, as written. */
  readonly text: string;
  readonly parameters: number;
  /** Floating-point operations of one optimizer step. */
  readonly flops: number;
  /** Every argument of the model with its value, as text. */
  readonly arguments: Readonly<Record<string, string>>;
  /** Schedule, clipping and the like, as compiled. */
  readonly recipe: Recipe | null;
  /** What `--match` set, `hidden=170`. */
  readonly adjusted: string | null;
}

export interface Manifest {
  readonly format: 1;
  readonly compiler: string;
  /** The words of the command that makes this comparison again. */
  readonly command: readonly string[];
  readonly seeds: number;
  readonly match: "params" | "flops" | null;
  /** Whether all variants read the same batches in the same order. */
  readonly sameData: boolean;
  readonly variants: readonly ManifestVariant[];
}

const pathOf = (folder: string): string => join(folder, "compare.json");

export const writeManifest = (folder: string, manifest: Manifest): void =>
  writeAtomic(pathOf(folder), `${JSON.stringify(manifest, null, 2)}\n`);

export function readManifest(folder: string): Manifest {
  const path = pathOf(folder);
  if (!exists(path))
    fail(
      "broken-run",
      `\`${folder}\` is not the folder of a comparison`,
      "give what `tfmc compare -o FOLDER` wrote",
      folder,
    );
  try {
    const manifest = JSON.parse(readText(path, limits.text)) as Partial<Manifest>;
    if (manifest.format === 1 && Array.isArray(manifest.variants)) return manifest as Manifest;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return fail("broken-run", `\`${path}\` is not what \`tfmc compare\` writes`, undefined, path);
}
