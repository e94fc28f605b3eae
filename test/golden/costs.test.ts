/**
 * What a training step costs, counted on its Program, is what costs.md says. `UPDATE_GOLDEN=1 npx vitest run test/golden` writes it anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Pass } from "../../compiler/passes/pass.js";
import { allPasses } from "../../compiler/passes/pipeline.js";
import { costTable } from "../support/costs.js";

const file = new URL("costs.md", import.meta.url);

const models = [
  ["gpt2", "GPT-2 small", { B: 4, T: 512 }],
  ["transformer-2017", "The base model of 2017", { B: 4, T: 512, S: 512 }],
  ["llama", "A small model of LLaMA's kind", { B: 4, T: 256 }],
] as const;

const passLine = ({ name, says, from }: Pass): string => `- \`${name}\` (from -O${from}): \`${says}\``;

const head = `# What a training step costs

Counted on the steps of the Program at the lengths given, not measured: kernels that differ, dispatches, bytes that the steps read and
write (each operand of a step once), temporaries and all memory together, floating-point operations, and how many of those a mask of
positions forbids. A row is the model with every pass up to that one at its level, and those after it as at -O0; the last three are the levels.

${allPasses.map(passLine).join("\n")}
`;

test("costs.md is what the compiler does", async () => {
  let now = head;
  for (const [name, title, lengths] of models) {
    const source = readFileSync(new URL(`../../examples/${name}.tfm`, import.meta.url), "utf8");
    const at = Object.entries(lengths).map(([symbol, value]) => `${symbol} = ${value}`);
    now += `\n## ${title}: examples/${name}.tfm, ${at.join(", ")}\n\n${await costTable(source, lengths)}`;
  }
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, now);
  else expect(now).toBe(readFileSync(file, "utf8"));
}, 300_000);
