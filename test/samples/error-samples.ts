/**
 * The files under errors/ → samples of diagnostics: what a user wrote, what tfmc says, and how it is mended.
 *
 * ```
 * TFM2001-misspelt.tfm          a model with that mistake, for `tfmc check`
 * TFM2001-misspelt.txt          what is said
 * TFM2005-quoted.mended.tfm     the mended model, where no fix makes it
 * TFM5001-misspelt.sh           for a code of the command line or the runtime: the last line is the command that fails
 * ```
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../cli/program.js";
import type { Diagnostic } from "../../compiler/diagnostics.js";
import { createTestHost } from "../cli/host.js";

export const folder = fileURLToPath(new URL("./errors/", import.meta.url));

export interface Sample {
  /** `TFM2001-misspelt.tfm`. */
  readonly file: string;
  readonly code: string;
  readonly kind: "tfm" | "json" | "sh";
  /** The file with what is said. */
  readonly said: string;
  /** Written by hand, where there is one. */
  readonly mended: string | undefined;
}

export function readSamples(): readonly Sample[] {
  return readdirSync(folder)
    .sort()
    .flatMap((file): readonly Sample[] => {
      const [, stem, code, kind] = /^((TFM\d{4})-[a-z0-9-]+)\.(tfm|json|sh)$/.exec(file) ?? [];
      if (stem === undefined) return [];
      const mended = join(folder, `${stem}.mended.${kind}`);
      const said = join(folder, `${stem}.txt`);
      return [{ file, code: code!, kind: kind as Sample["kind"], said, mended: existsSync(mended) ? mended : undefined }];
    });
}

export const textOf = ({ file }: Sample): string => readFileSync(join(folder, file), "utf8");

/** What a command prints, in a folder of its own choice. */
async function tfmc(argv: readonly string[], cwd: string) {
  await new Promise((resolve) => setImmediate(resolve)); // the test's process has others to answer
  const before = process.cwd();
  process.chdir(cwd);
  try {
    const host = createTestHost({ environment: { NO_COLOR: "1" } });
    const exit = await run(argv, host);
    const text = (host.printed.err + host.printed.out).replaceAll(`${process.cwd()}/`, "");
    return { exit, out: host.printed.out, text };
  } finally {
    process.chdir(before);
  }
}

export const check = async (file: string): Promise<string> => (await tfmc(["check", file], folder)).text;

export async function diagnosticsOf(path: string, cwd = folder): Promise<readonly Diagnostic[]> {
  const { out } = await tfmc(["check", path, "--json"], cwd);
  return (JSON.parse(out) as { diagnostics: readonly Diagnostic[] }).diagnostics;
}

/** A script in an empty folder: what its last line says. The others prepare. */
export async function runScript(text: string): Promise<{ readonly exit: number; readonly text: string }> {
  const cwd = mkdtempSync(join(tmpdir(), "tfmc-sample-"));
  try {
    const lines = text.trimEnd().split("\n");
    const last = lines.pop()!;
    let shell = "";
    for (const line of lines) {
      if (!line.startsWith("tfmc ")) shell += `${line}\n`;
      else {
        prepare(shell, cwd);
        shell = "";
        await tfmc(wordsOf(line).slice(1), cwd);
      }
    }
    prepare(shell, cwd);
    return await tfmc(wordsOf(last).slice(1), cwd);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

const prepare = (shell: string, cwd: string): void =>
  void execFileSync("bash", ["-c", shell], { cwd, stdio: "pipe" });

const wordsOf = (line: string): readonly string[] =>
  Array.from(line.matchAll(/"([^"]*)"|\S+/g), (match) => match[1] ?? match[0]);
