/** Every level computes the same: each entry of the CPU device against the graphs before any pass; and they are not the same programs. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compareOnDevice } from "../../cli/verify/device.js";
import type { SettingValue } from "../../compiler/ir/build.js";
import { prepare } from "../../compiler/laws/verify.js";
import { readTfm } from "../../compiler/parser/read-tfm.js";
import type { Level } from "../../compiler/passes/pass.js";
import { createTestHost, testContext } from "../cli/host.js";
import { compileModel } from "../support/program-runs.js";

const example = (name: string): string =>
  readFileSync(new URL(`../../examples/${name}.tfm`, import.meta.url), "utf8");
const levels: readonly Level[] = [0, 1, 2];

/** An encoder–decoder at every level is in test/families/devices.test.ts. Awkward sizes: no width is a multiple of a tile, three heads share one key. */
const models: readonly (readonly [string, Readonly<Record<string, SettingValue>>])[] = [
  ["nano", { vocab: 13, context: 9, layers: 2, heads: 3, d: 15 }],
  [
    "llama",
    { vocab: 13, context: 9, layers: 2, heads: 3, d_model: 18, kv_heads: 1, ffn: "swiglu(hidden: 11)" },
  ],
];

describe.each(models)("%s", (name, settings) => {
  const source = example(name);
  const { model } = readTfm(source, `${name}.tfm`);
  const entry = model.declarations.flatMap((d) => (d.kind === "model" ? [d.name.text] : []))[0];
  const { prepared } = prepare({ model, resolve: () => undefined, entry, settings });
  const programs = levels.map((level) => compileModel(source, settings, level).program);

  test.each(levels)("-O%i gives the model's numbers", async (level) => {
    const { entries, diagnostics } = await compareOnDevice(
      testContext(createTestHost()),
      prepared[0]!,
      programs[level]!,
      1,
    );
    expect(diagnostics).toEqual([]);
    expect(entries).toEqual(["forward", "loss", "grad", "train"]);
  });

  test("a higher level needs fewer dispatches", () => {
    const dispatches = programs.map(({ entries }) => entries.train!.steps.length);
    expect(dispatches).toEqual([...dispatches].sort((a, b) => b - a));
    expect(new Set(dispatches).size).toBe(levels.length);
  });
});
