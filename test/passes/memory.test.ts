/** What attention keeps grows as the text does: no temporary of a training step holds a number for each pair of positions. */
import { expect, test } from "vitest";
import { costsOf } from "../../compiler/codegen/costs.js";
import { compile } from "../../compiler/index.js";

const source = `model long : decoder {
  vocab = 32
  context = 8192
  d_model = 32
  layers = 2
  heads = 4
  position = rope(base: 10000)
}
`;

test("temporaries are linear in the length up to 8,192", () => {
  const { schedule, program } = compile(source, { only: ["train"] });
  const bytes = [1024, 2048, 4096, 8192].map(
    (T) => costsOf({ schedule: schedule!, program: program! }, "train", { B: 1, T }).memory.temporary,
  );
  for (const n of [1, 2, 3]) expect(bytes[n]! / bytes[n - 1]!).toBeLessThan(2.01);
  const sizes = schedule!.slots.flatMap((slot) => (slot.role === "temporary" ? slot.sizes : []));
  const powers = sizes.flatMap(({ elements }) =>
    typeof elements === "number"
      ? []
      : elements.map(([, ...symbols]) => symbols.filter((s) => s === "T").length),
  );
  expect(Math.max(...powers)).toBe(1);
});
