/** Functions as compile-time values: `match` and `==` compare them by the names they were declared by. */
import { expect, test } from "vitest";
import { printGraph } from "../../compiler/ir/text.js";
import { built, diagnose } from "./support.js";

const pick = (knob: string, more = ""): string => `${more}
block place(x[t, d], position) {
  match position {
    rope { return relu(x) }
    learned { return 2 * x }
    near { return 3 * x }
    none { return x }
    else { return tanh(x) }
  }
}
model m(position = ${knob}) {
  input x[t, 4] : real
  output y = place(x, position)
}
`;

test.each([
  ["rope", "max"],
  ["rope(base: 1e4)", "max"],
  ["learned", "mul"],
  ["none", "input"],
  ["layer_norm(eps: 1e-5)", "tanh"],
  ["causal", "tanh"],
  ["sqrt", "tanh"],
])("%s takes its own case", (knob, op) => {
  expect(built(pick(knob)).forward.outputs[0]!.node.op).toBe(op);
});

test("a declaration of the file is matched by its name", () => {
  const printed = printGraph(built(pick("near", "block near(x[*]) { return x }")).forward);
  expect(printed).toContain("const 3");
  expect(printed).toContain("mul");
});

test("comparisons see names as well", () => {
  const text = (value: string): string =>
    `model m(act = ${value}) {\n  input x[t, 4] : real\n  output y = if act == sqrt or act != relu then 2 * x else x\n}\n`;
  const op = (value: string): string => built(text(value)).forward.outputs[0]!.node.op;
  expect([op("relu"), op("sqrt"), op("gelu"), op("none")]).toEqual(["input", "mul", "mul", "mul"]);
});

test("a number hides no function of its name", () => {
  const text =
    "model m(dropout = 0.5) {\n  input x[t, 4] : real\n  gelu = gelu(x)\n  output y = dropout(gelu(gelu), dropout)\n}\n";
  expect(diagnose(text).rendered).toEqual([]);
  expect(diagnose("model m(rate = 4) {\n  input x[t, 4] : real\n  output y = rate(x)\n}\n").codes).toEqual([
    "TFM2005",
  ]);
});
