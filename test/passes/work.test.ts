/** The work of the compiler does not grow with depth, and what entries have in common is rewritten once: counted, not timed. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { buildSource } from "../../compiler/index.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import type { PassMemory } from "../../compiler/passes/pass.js";
import { runModelPasses, runPipeline } from "../../compiler/passes/pipeline.js";
import { countingBuilder } from "../support/work.js";

const source = readFileSync(new URL("../../examples/gpt2.tfm", import.meta.url), "utf8");

/** How often the builder is asked for a node by all passes over these entries of GPT-2. */
function asked(
  layers: number,
  names: readonly ("grad" | "train")[],
  memories?: Map<string, PassMemory>,
): number {
  const { builder, asked: count } = countingBuilder();
  const { built } = buildSource(source, { settings: { layers } }, builder);
  const options = { builder, level: 2 as const, memories };
  const entries = deriveEntries(runModelPasses(built!, options).built, builder);
  const before = count();
  for (const name of names) runPipeline({ ...entries[name]!, name }, options);
  return count() - before;
}

test("passes over 48 layers are the work of passes over 12", () => {
  // A sum over 48 turns is split otherwise than one over 12.
  expect(asked(48, ["train"]) / asked(12, ["train"])).toBeLessThan(1.01);
});

test("entries that share their nodes share the work", () => {
  const apart = asked(2, ["grad", "train"]);
  const together = asked(2, ["grad", "train"], new Map());
  expect(together).toBeLessThan(0.9 * apart);
});
