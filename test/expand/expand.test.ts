/** What `expand` prints: it reads as written by hand, and compiles to the same Program. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "../../compiler/index.js";
import type { SettingValue } from "../../compiler/ir/build.js";
import { checkLevels, down, meaning, programOf } from "./same.js";

const examples = new URL("../../examples/", import.meta.url);
const files = readdirSync(examples).filter((name) => name.endsWith(".tfm"));

describe.each(files)("%s", (name) => {
  const text = readFileSync(new URL(name, examples), "utf8");
  const models = parse(text).model.declarations.flatMap((d) => (d.kind === "model" ? [d.name.text] : []));
  test.each(models)("%s", { timeout: 120_000 }, (entry) => void checkLevels(text, { entry }));
});

test.each(["nano.tfm", "quickstart.tfm"])("the Program of %s", { timeout: 120_000 }, (name) => {
  const text = readFileSync(new URL(name, examples), "utf8");
  const wanted = programOf(text);
  for (const level of checkLevels(text)) expect(programOf(level)).toEqual(wanted);
});

const GPT = `# A GPT of one's own.
model gpt : decoder {
  d_model = 32; heads = 4; layers = 3; vocab = 64; context = 16
  norm = layer_norm(eps: 1e-5)
  ffn = mlp(hidden: 4 * d_model, act: gelu_tanh)
  train { optimizer = adamw(lr: 3e-4); batch = 4 }
}
variant post : gpt { norm_at = post; train { batch = 2 } }
variant llama : gpt {
  norm = rms_norm; position = rope(base: 500); ffn = swiglu(hidden: 2 * d_model); kv_heads = 2; tied = false
}
`;

test("a variant in structure form reads as written by hand", () => {
  expect(
    down(GPT, { entry: "post" }).text,
  ).toBe(`model post(vocab = 64, context = 16, d_model = 32, layers = 3, heads = 4) {
  input tokens[t <= context] : int(vocab)

  use wte = embedding(vocab, d_model)
  x = wte(tokens)
  x = learned(x, context) as wpe
  repeat layers {
    x = layer_norm(x + attention(x, heads, mask: padded(causal, valid(tokens))), eps: 1e-5)
    x = layer_norm(x + mlp(x, hidden: 4 * d_model, act: gelu_tanh), eps: 1e-5)
  }
  output logits = unembed(x, wte.table)
  loss cross_entropy(logits, next(tokens))

  train {
    optimizer = adamw(lr: 3e-4)
    batch = 2
  }
}
`);
});

test("its index form has what it uses of the library, and no more", () => {
  const [, index] = checkLevels(GPT, { entry: "llama" });
  expect(index!.match(/^(block|mask|score) \w+/gm)).toMatchSnapshot();
  expect(index!.split("block adamw")[0]).not.toMatch(/^\s*match|affine|if qk_norm/m);
  expect(index).toMatchSnapshot();
});

test.each<readonly [Readonly<Record<string, number>>]>([
  [{ layers: 5 }],
  [{ d_model: 16 }],
  [{ heads: 2, context: 9 }],
])("settings of the expansion: %j", (settings) => {
  for (const entry of ["gpt", "post", "llama"])
    for (const level of checkLevels(GPT, { entry }))
      expect(meaning(level, { settings })).toEqual(meaning(GPT, { entry, settings }));
});

test("functions of the file come along, under new names where the library's are there too", () => {
  const text = `block dropout(x[*], p) { return x * (1 - p) }
block gelu(x[*]) { return relu(x) }
block mine(x[t, d]) { return dropout(layer_norm(x), 0.5) }
block idle(x[*]) { return x }
model m : decoder { layers = 2; d_model = 16; ffn = mlp(act: gelu); dropout = 0.1; embedding_norm = mine }
`;
  const [structure, index] = checkLevels(text);
  expect(structure).toContain("dropout_2(layer_norm(x), 0.5) as dropout");
  expect(structure).toContain("block gelu(");
  expect(index).toContain("block dropout_2(");
  expect(structure).not.toContain("idle");
});

test("imported models and blocks", () => {
  const base = `block half(x[*]) { return x / 2 }
model base : decoder { d_model = 16; layers = 2; ffn = mlp(act: half) }
`;
  const text = `import "base.tfm"\nmodel m : base { vocab = 9; heads = 2 }\n`;
  const [structure] = checkLevels(text, { files: { "base.tfm": base } });
  expect(structure).toContain("block half(x[*])");
  expect(structure).not.toContain("import");
});

test("structure form of all kinds", () => {
  const text = `block drop2(x[t, d], rate = 0.1) { return dropout(x, rate) }
block f(x[t, d], norm = layer_norm, act = gelu) {
  y = norm(x)
  if d > 4 { y = mlp(y, 2 * d, act) } else { y = mlp(y, d, relu) as small }
  return y
}
model m(vocab = 17, d = 8, layers = 3, norm = rms_norm(eps: 1e-3), late = true, place = post) {
  input tokens[t <= 9] : int(vocab)
  use wte = embedding(vocab, d)
  use again = linear(d, bias: false)
  x = drop2(wte(tokens))
  g = mlp(hidden: 2 * d, act: silu)
  repeat layers as l {
    if l == 0 { x = x + f(x) } else { x = x + f(x, norm, act: tanh) }
    x = again(x) + again(g(x))
    match place { pre { x = norm(x) } post { x = layer_norm(x, eps: 1e-3) } }
    probe inner = x
  }
  if late { x = norm(x) as late }
  x *= 2
  output logits = unembed(x, wte.table)
  loss cross_entropy(logits, next(tokens), smoothing: 0.1)
  train { optimizer = sgd(lr: 0.1, momentum: 0.9) }
}
`;
  const [index] = checkLevels(text);
  const others: readonly Readonly<Record<string, SettingValue>>[] = [
    { late: false },
    { place: "pre" },
    { norm: "layer_norm" },
  ];
  for (const settings of others) expect(meaning(index!, { settings })).toEqual(meaning(text, { settings }));
});

test("index form is its own expansion", () => {
  const text = "model m {\n  input x[t, 4] : real # as it is\n  output y = x * 2\n}\n";
  expect(down(text)).toEqual({ text: text.replace(" # ", "  # "), level: "index", lowest: true });
});

test("bases of one's own", () => {
  const text = `block cube(x[*]) { return x * x * x }
model base(d = 8, layers = 2, deep = layers, width = 2 * d, norm = layer_norm, act = gelu, kind = pre, rate = 0) {
  input tokens[t <= 9] : int(17)
  use wte = embedding(17, d)
  param gain[width, d] ~ ones
  x = dropout(wte(tokens), rate)
  n = layers
  f = none
  repeat deep as l {
    match kind {
      pre { x = x + mlp(norm(x), width, act) }
      post { x = norm(x + mlp(x, width, act)) }
    }
    if l > 0 { f = act } else { f = tanh }
    x = f(x)
  }
  repeat n { x = x + linear(x, d) }
  z[i, c] = x[i, k] * gain[c, k]
  output y = z
  loss sum[i, c](z[i, c] * z[i, c])
  train { schedule = noam(warmup: 3, width: d) }
}
model small : base { d = 4; act = cube }
variant late : small { kind = post; norm = rms_norm(eps: 1 / d); layers = 3; train { batch = 2 } }
`;
  for (const entry of ["base", "small", "late"]) checkLevels(text, { entry });
});
