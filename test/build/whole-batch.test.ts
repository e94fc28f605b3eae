/** `whole_batch` and `marks`: what all examples have, and an input of kinds that nobody has to give. */
import { expect, test } from "vitest";
import { builtins } from "../../compiler/ir/build/builtins.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import { librarySources } from "../../compiler/library/sources.js";
import { readTfm } from "../../compiler/parser/read-tfm.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { bindInputs } from "../../runtime/inputs.js";
import { compileModel } from "../support/program-runs.js";
import { built, evaluateGraph, tensorOf } from "./support.js";

test("each example sees all of them, and the loss counts examples", () => {
  const model = built(`model m {
    input x[2] : real
    param w[2] ~ ones
    y[m] = x[m] * w[m]
    all = whole_batch(y)
    product[n] = y[m] * all[n, m]
    output product = product
    loss logsumexp[n](product[n])
  }`);
  const values = { x: tensorOf([3, 2], [1, 2, -1, 0.5, 0, 3]), w: tensorOf([2], [1, 1]) };
  const { product } = evaluateGraph(model.forward, values, { B: 3 });
  expect(product!.sizes).toEqual([3, 3]);
  expect(Array.from(product!.data)).toEqual([5, 0, 6, 0, 1.25, 1.5, 6, 1.5, 9]);
  const { grad } = deriveEntries(model, createBuilder());
  const scalars = { seed: tensorOf([], [0]), step: tensorOf([], [1]) };
  const found = evaluateGraph(grad!, { ...values, ...scalars }, { B: 3 });
  const rows = [0, 3, 6].map((n) => Array.from(product!.data).slice(n, n + 3));
  const wanted = rows.reduce((sum, row) => sum + Math.log(row.reduce((s, v) => s + Math.exp(v), 0)), 0);
  expect(found["loss.sum"]!.data[0]).toBeCloseTo(wanted, 12);
  expect(found["loss.count"]!.data[0]).toBe(3);
});

test("marks are 0 where nobody gives them, and whole numbers of any size", () => {
  const { program } = compileModel(
    `model m {
      input tokens[t <= 8] : int(5)
      input marks(tokens) as kinds
      kind = marks(tokens)
      y[i] = if kind[i] == 0 then tokens[i] else kind[i]
      output y = y
    }`,
    {},
  );
  const tokens = { data: Int32Array.of(1, 2, 3, 4), shape: [2, 2] };
  const kinds = (given: object) => bindInputs(program, "forward", { tokens, ...given }).data.get("kinds");
  expect(kinds({})).toEqual(Int32Array.of(0, 0, 0, 0));
  expect(kinds({ kinds: { data: Int32Array.of(0, 9, -7, 1), shape: [2, 2] } })).toEqual(
    Int32Array.of(0, 9, -7, 1),
  );
});

test("no function of the library has the name of a built-in one", () => {
  const names = Object.entries(librarySources).flatMap(([file, text]) =>
    readTfm(text, file).model.declarations.flatMap((d) => ("name" in d ? [d.name.text] : [])),
  );
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => Object.hasOwn(builtins, name))).toEqual([]);
});
