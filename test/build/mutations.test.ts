/** Files with words swapped, dropped and doubled: a diagnostic or a model, never an exception. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { build } from "../../compiler/ir/build.js";
import { verify } from "../../compiler/ir/verify.js";
import { readTfm } from "../../compiler/parser/read-tfm.js";
import { createDraw } from "../support/numbers.js";

const EXTRA = ` 
block probe_all(x[t, d], k = 2) {
  a[i, c] = x[i, c] * x[j, c] * x[j, k - 1]
  b[i] = max[c](x[i, c] where c < k)
  y[i, c] = if i > 0 then x[i - 1, c] / (1 + b[i] * b[i]) else a[i, c]
  repeat k as l { if l % 2 == 0 { y = y + linear(y, d) } else { y = y * 0.5 } }
  return y
}
model small(d = 8) { input x[t, d] : real
 output y = probe_all(x)
 loss sum[i, c](y[i, c]) }
`;
const CONFIG = `model base(d = 8, layers = 2, norm = layer_norm, place = pre, dropout = 0.1) {
  input x[t, d] : real
  y = dropout(x, dropout)
  repeat layers { match place { pre { y = y + mlp(norm(y), 4 * d) } post { y = norm(y + mlp(y, 4 * d)) } } }
  output y = y
  loss sum[i, c](y[i, c])
  train { optimizer = adamw(lr: 1e-3); batch = 4 }
}
variant small : post { d = 2 * layers; train { batch = 2 } }
variant post : base { place = post; norm = rms_norm(eps: 1 / d); layers = 3 }
`;
const texts = [
  ...["nano", "llama", "gpt2"].map((name) =>
    readFileSync(new URL(`../../examples/${name}.tfm`, import.meta.url), "utf8"),
  ),
  EXTRA,
  CONFIG,
];
const RUNS = Number(process.env["TFMC_MUTATIONS"] ?? 40);

test.each(texts.map((text, n) => [n, text] as const))("file %d", (n, text) => {
  const draw = createDraw(100 + n);
  const words = text.split(/(\b|(?=[^\w\s])|(?<=[^\w\s]))/).filter((word) => word);
  const pick = (): number => Math.floor(draw() * words.length);
  let fine = 0;
  for (let run = 0; run < RUNS; run++) {
    const changed = [...words];
    for (let k = 0; k <= draw() * 2; k++) {
      const [a, b] = [pick(), pick()];
      const way = draw();
      if (way < 0.4) changed[a] = words[b]!;
      else if (way < 0.6) changed[a] = "";
      else if (way < 0.8) changed[a] = String(Math.floor(draw() * 9));
      else changed.splice(a, 0, words[b]!);
    }
    const source = changed.join("");
    const { model, diagnostics } = readTfm(source, "m.tfm");
    try {
      const names = model.declarations.flatMap((d) => (d.kind === "model" ? [d.name.text] : []));
      const entry = names[run % Math.max(1, names.length)];
      const result = build(model, { resolve: () => undefined, ...(entry !== undefined && { entry }) });
      expect(result.built !== undefined || result.diagnostics.length > 0 || diagnostics.length > 0).toBe(
        true,
      );
      if (result.built) {
        fine++;
        expect(verify(result.built.forward)).toEqual([]);
      }
    } catch (error) {
      throw new Error(`${(error as Error).stack}\n\n${source}`);
    }
  }
  expect(fine).toBeGreaterThan(0);
});
