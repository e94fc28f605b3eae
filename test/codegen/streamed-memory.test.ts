/** Training with attention keeps no tensor of all pairs of positions: no slot's size has a product of two of the texts' lengths. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile } from "../../compiler/index.js";
import type { Size } from "../../compiler/ir/shape.js";
import { sizeText } from "../../compiler/ir/shape.js";

/** Whether the size grows with the square of a text's length. */
const isSquare = (size: Size): boolean =>
  typeof size !== "number" && size.some(([, ...names]) => names.filter((name) => name !== "B").length > 1);

test.each(["nano", "gpt2"])("%s", (name) => {
  const { schedule } = compile(readFileSync(`examples/${name}.tfm`, "utf8"));
  const temporaries = schedule!.slots.filter(({ role }) => role === "temporary");
  const squares = temporaries.flatMap(({ sizes }) => sizes.filter(({ elements }) => isSquare(elements)));
  expect(squares.map(({ elements }) => sizeText(elements))).toEqual([]);
  const labels = schedule!.entries.find((entry) => entry.name === "train")!.steps.map(({ label }) => label);
  expect(labels.filter((label) => label.includes("pairwise")).length).toBeGreaterThan(0);
});
