/**
 * Every code that a user can meet has a sample; what is said of it is what stands beside it; what is proposed mends it.
 *
 *   npx vitest run test/samples -u       writes what is said, after a look at the difference
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { allCodes } from "../../cli/meaning.js";
import type { Diagnostic } from "../../compiler/diagnostics.js";
import { applyFix } from "../../compiler/diagnostics.js";
import { check, diagnosticsOf, folder as samplesFolder, readSamples, runScript, textOf } from "./error-samples.js";

const samples = readSamples();
const sources = samples.filter(({ kind }) => kind !== "sh");
const errorsOf = (found: readonly Diagnostic[]): readonly Diagnostic[] =>
  found.filter(({ severity }) => severity === "error");

/** Codes that no file and no command of a test machine brings about, and what tests them instead. */
const elsewhere: Readonly<Record<string, string>> = {
  TFM4101: "nothing that check says: test/decoding/refused.test.ts",
  TFM4102: "nothing that check says: test/decoding/refused.test.ts",
  TFM4103: "nothing that check says: test/decoding/refused.test.ts",
  TFM4104: "nothing that check says: test/decoding/refused.test.ts",
  TFM6001: "a machine without an adapter: test/runtime/session.test.ts",
  TFM6002: "a device with small limits: test/runtime/session.test.ts",
  TFM6003: "a driver that refuses a kernel: test/runtime/session.test.ts",
  TFM6005: "inputs of the API: test/runtime/session.test.ts",
  TFM6006: "a device that is lost: test/browser/module.test.ts",
  TFM6007: "entries and outputs of the API: test/runtime/session.test.ts",
  TFM6009: "a session used after its end: test/runtime/session.test.ts",
  TFM6103: "types of tensors of the API: test/runtime/safetensors.test.ts",
  TFM6104: "weights over the network: test/runtime/training.test.ts",
  TFM6203: "data of the API: test/runtime/data.test.ts",
  TFM6301: "a checkpoint cut off between two writes: test/runtime/training.test.ts",
  TFM6401: "settings of the API: test/runtime/sample.test.ts",
  TFM7007: "a pass that is wrong: test/laws/verify.test.ts",
};

test.each(allCodes.filter((code) => !Object.hasOwn(elsewhere, code)))("%s has a sample", (code) => {
  const found = samples.some((sample) => sample.code === code);
  const mend = `write test/samples/errors/${code}-<what>.tfm (or .json, .sh) and run npx vitest run test/samples -u`;
  expect(found ? "a sample" : mend).toBe("a sample");
});

test.each(Object.entries(elsewhere))("%s is tested elsewhere: %s", (code, where) => {
  expect(readFileSync(where.slice(where.indexOf(": ") + 2), "utf8")).toContain(code);
});

test.each(sources)("$file", async ({ file, code, said }) => {
  const text = await check(file);
  expect(text).toMatch(new RegExp(`^(error|warning) ${code}: `, "m"));
  await expect(text).toMatchFileSnapshot(said);
});

test.each(samples.filter(({ kind }) => kind === "sh"))("$file", async (sample) => {
  const { exit, text } = await runScript(textOf(sample));
  expect(text).toContain(sample.code);
  expect(exit === 0).toBe(sample.code === "TFM1110"); // a warning
  await expect(text).toMatchFileSnapshot(sample.said);
});

describe("what is proposed", () => {
  const inFolder = async <T>(work: (folder: string) => Promise<T>): Promise<T> => {
    const folder = mkdtempSync(join(tmpdir(), "tfmc-fix-"));
    copyFileSync(join(samplesFolder, "blocks.tfm"), join(folder, "blocks.tfm"));
    try {
      return await work(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  const errorsIn = (folder: string, text: string, kind: string): Promise<readonly Diagnostic[]> => {
    writeFileSync(join(folder, `mended.${kind}`), text);
    return diagnosticsOf(`mended.${kind}`, folder).then(errorsOf);
  };

  test.each(sources)("mends $file", async (sample) => {
    const text = textOf(sample);
    const found = errorsOf(await diagnosticsOf(sample.file));
    const fixes = found.flatMap(({ fix }) => (fix ? [fix] : []));
    await inFolder(async (folder) => {
      for (const fix of fixes)
        expect((await errorsIn(folder, applyFix(text, fix), sample.kind)).length, fix.message).toBeLessThan(found.length);
      const all = [...fixes].sort((a, b) => b.span.start - a.span.start).reduce(applyFix, text);
      const mended = sample.mended ? readFileSync(sample.mended, "utf8") : all;
      expect(await errorsIn(folder, mended, sample.kind)).toEqual([]);
    });
  });
});
