/** Models without steps, and the sentence that says what looks where. */
import { expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { deriveDecoding } from "../../compiler/passes/decoding.js";
import { built } from "../build/support.js";
import { familyText } from "../support/families.js";
import { refusalOf } from "./support.js";

const sizes = { vocab: 11, context: 12, d_model: 8, layers: 2, heads: 2 };

/** A model whose `body` makes y[t, d] of x[t, d]. */
const model = (body: string): string => `
model m(vocab = 7, context = 12, d = 6) {
  input tokens[t <= context] : int(vocab)
  use wte = embedding(vocab, d)
  x = wte(tokens)
  ${body}
  output logits = unembed(y, wte.table)
  loss cross_entropy(logits, next(tokens))
}`;

test.each<[string, string, string, string]>([
  [
    "an encoder",
    familyText("encoder", sizes),
    "TFM4101",
    "`layers.*.attention` attends to all positions of `t`, later ones too: nothing there says `j <= i`.",
  ],
  [
    "a decoder whose beginning is seen by all",
    familyText("decoder", { ...sizes, mask: "prefix(3)" }),
    "TFM4101",
    "`layers.*.attention` attends to all positions of `t`, later ones too: nothing there says `j <= i`.",
  ],
  [
    "a mean of all positions",
    model("m[c] = mean[i](x[i, c])\n  y[i, c] = x[i, c] + m[c]"),
    "TFM4101",
    "`wte` sums over all positions of `t`, later ones too: nothing there says `j <= i`.",
  ],
  [
    "a norm over time",
    model("s[c] = max[i](abs(x[i, c]))\n  y[i, c] = x[i, c] / s[c]"),
    "TFM4101",
    "`wte` takes the largest of all positions of `t`, later ones too: nothing there says `j <= i`.",
  ],
  [
    "a mask that sees one ahead",
    model(
      "s[i, j] = x[i, c] * x[j, c]\n  p[i, j] = softmax[j](s[i, j] where j <= i + 1)\n  y[i, c] = p[i, j] * x[j, c]",
    ),
    "TFM4101",
    "`wte` looks 1 position ahead along `t`.",
  ],
  [
    "the two next positions",
    model("y[i, c] = x[i, c] + (if i < 10 then x[i + 2, c] else 0)"),
    "TFM4101",
    "`wte` looks 2 positions ahead along `t`.",
  ],
  [
    "blocks that see all of themselves",
    model(
      "s[i, j] = x[i, c] * x[j, c]\n  p[i, j] = softmax[j](s[i, j] where j // 4 <= i // 4)\n  y[i, c] = p[i, j] * x[j, c]",
    ),
    "TFM4101",
    "`wte` looks 3 positions ahead along `t`.",
  ],
  [
    "the length",
    model("u[i < t, c] = sum[j](x[j, c] where j <= i)\n  y[i, c] = u[i, c] / t"),
    "TFM4102",
    "The model counts with the length of `t`.",
  ],
  [
    "positions from the end",
    model("y[i, c] = x[i, c] + x[t - 1 - i, c]"),
    "TFM4102",
    "The model counts with the length of `t`.",
  ],
])("%s", (_, text, code, message) => expect(refusalOf(text)).toEqual({ code, message }));

test("rows of a batch that meet", () => {
  const b = createBuilder();
  const m = built(familyText("decoder", sizes), { builder: b });
  const [logits] = m.forward.outputs as readonly [(typeof m.forward.outputs)[number]];
  const mean = b.sum(logits.node, [0]); // [t, vocab]
  const node = b.add(logits.node, b.broadcastTo(mean, logits.node.shape, [-1, 0, 1]));
  const derived = deriveDecoding({ ...m, forward: { ...m.forward, outputs: [{ name: "logits", node }] } }, b);
  expect(derived).toEqual({
    refused: { code: "TFM4103", message: "`wte` puts the rows of a batch together." },
  });
});

test("positions merged with another axis", () => {
  const b = createBuilder();
  const m = built(familyText("decoder", sizes), { builder: b });
  const [logits] = m.forward.outputs as readonly [(typeof m.forward.outputs)[number]];
  const { shape } = logits.node;
  const flat = b.reshape(logits.node, [shape[0]!, { name: "flat", size: [[11, "T"]] }]);
  const node = b.reshape(b.tanh(flat), shape);
  const derived = deriveDecoding({ ...m, forward: { ...m.forward, outputs: [{ name: "logits", node }] } }, b);
  expect(derived).toMatchObject({ refused: { code: "TFM4104" } });
});

test("a label for a text is no text", () => {
  expect(
    deriveDecoding(built(familyText("encoder", { ...sizes, task: "classify" })), createBuilder()),
  ).toBeUndefined();
});
