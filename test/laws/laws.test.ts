/** Every law of the library, of the examples and of identities.tfm holds; laws that are wrong are told apart, with what shows it. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { librarySourceFiles } from "../../compiler/ir/build.js";
import { checkLaws } from "../../compiler/laws/check.js";
import { read } from "../build/support.js";

const check = (text: string, file: string, seed = 0) =>
  checkLaws(read(text, file), { resolve: () => undefined, seed }).map(
    ({ name, status, says, diagnostics }) => ({
      name,
      status,
      says,
      diagnostics,
    }),
  );

const folder = new URL("../../examples/", import.meta.url);
const examples = readdirSync(folder)
  .filter((name) => name.endsWith(".tfm"))
  .map((name) => [`examples/${name}`, readFileSync(new URL(name, folder), "utf8")] as const);
const identities = readFileSync(new URL("identities.tfm", import.meta.url), "utf8");
const files = [...librarySourceFiles(), ...examples, ["identities.tfm", identities] as const];

describe.each(files.filter(([, text]) => /^\s*law /m.test(text)))("%s", (file, text) => {
  for (const { name, status, says } of check(text, file))
    test(`${name} holds`, () => expect(`${status}: ${says}`).toMatch(/^holds: /));
});

test("the library states at least forty", () => {
  const texts = [...librarySourceFiles().values(), identities];
  expect(texts.flatMap((text) => text.match(/^law /gm) ?? []).length).toBeGreaterThan(40);
});

const model = `model m(vocab = 13, d = 12, layers = 2, heads = 3) {
  input tokens[t <= 16] : int(vocab)
  use wte = embedding(vocab, d)
  x = wte(tokens)
  repeat layers { x = x + attention(layer_norm(x), heads, mask: MASK, rotary: rope) }
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
`;
const one = (law: string, mask = "causal") =>
  check(`${model.replace("MASK", mask)}law l: ${law}\n`, "m.tfm")[0]!;

test.each([
  ["params == 1476"],
  ["params == vocab * d + layers * (4 * d * d + 6 * d) + 2 * d"],
  ["params < 2000"],
  ["params == 3 where layers == 12"],
  ["prefix_invariant(logits)"],
  ["prefix_invariant(logits, t)"],
  ["translation_invariant(logits)"],
  ["step == full"],
  ["full == step where heads == 3"],
  ["embedding(n, 5, 8) == embedding(n, 5, 8)"],
  ["mlp(x, 2 * d) == mlp(x, hidden: 2 * d)"],
])("holds: %s", (law) => expect(one(law)).toMatchObject({ status: "holds", diagnostics: [] }));

test.each([
  ["params == 1477", /the left side is 1476 and the right side 1477/],
  [
    "attention(x, 4, mask: sliding(2)) == attention(x, 4, mask: causal)",
    /`value\[.*\]` is .* on the left and .* on the right/,
  ],
  ["layer_norm(3 * x + 2) == layer_norm(x)", /rounding explains \d\.\de-1\d/],
  ["attention(x, 4, bias: false) == attention(x, 4)", /does not hold/],
  ["linear(x, 8, bias: false) == x", /`value` is \[2, \d+, 8\] on the left and \[2, \d+, 12\] on the right/],
  ["permutation_equivariant(logits)", /of the inputs permuted by (\d ){4}\d/],
  ["prefix_invariant(attention(x, 4))", /with the inputs from position 1 on edited \(bit for bit\)/],
  ["translation_invariant(learned(x, 16))", /from position 0 on and .* from position 1 on/],
])("does not hold: %s", (law, says) => {
  const { status, diagnostics } = one(law);
  expect(status).toBe("fails");
  expect(diagnostics.map(({ code }) => code)).toEqual(["TFM7001"]);
  expect(diagnostics[0]!.message).toMatch(says);
});

test("what differs only in gradients does not hold", () => {
  const text = `block forgetful(x[t, d]) { return stop_gradient(x) }\nlaw l: forgetful(x) == x\n`;
  expect(check(text, "m.tfm")[0]!.says).toContain("`gradient of x");
});

test("a failure names what is not shared, the sizes and the seed; the seed shows it again", () => {
  const { hint } = one("attention(x, 4, bias: false) == attention(x, 4)").diagnostics[0]!;
  expect(hint).toMatch(
    /^Sizes t = \d+, d = \d+; seed 0\. The sides have different parameters: attention\.bq, .* only on the right\.$/,
  );
  const wrong = "law l: x == 1.000001 * x\n";
  const said = (seed: number) => check(wrong, "m.tfm", seed)[0]!.says;
  expect(said(4)).toBe(said(4));
  expect(said(4)).not.toBe(said(5));
});

test("what a mask lets in is seen: a model that looks ahead has no steps and no prefixes", () => {
  expect(one("prefix_invariant(logits)", "prefix(3)").status).toBe("fails");
  const steps = one("step == full", "full");
  expect(steps.status).toBe("fails");
  expect(steps.diagnostics[0]!.hint).toMatch(/^TFM4101: /);
});

test.each([
  ["4 * d", "TFM7002"],
  ["params", "TFM7002"],
  ["prefix_invariant()", "TFM7002"],
  ["permutation_equivariant(logits, u)", "TFM7002"],
  ["attention(x, 11) == attention(x, 11)", "TFM7003"],
  ["atention(x, 4) == x", "TFM7003"],
])("says nothing that can be checked: %s", (law, code) => {
  const { status, diagnostics } = one(law);
  expect(status).toBe("refused");
  expect(diagnostics.map((d) => d.code)).toEqual([code]);
});

test("laws inside models and blocks see their parameters; --set wins", () => {
  const text = `${model.replace("MASK", "causal").replace(/}\n$/, "  law inner: params == 12 * 13 + layers * 648 + 24\n}\n")}
variant small : m {
  layers = 1
  law own: params == 828
  law wide: mlp(x, d) == mlp(x, 12)
}
block twice(x[t, d], by = 2) {
  law same: twice(x, by) == twice(x)
  return by * x
}
`;
  expect(check(text, "m.tfm").map(({ name, status }) => `${name} ${status}`)).toEqual([
    "inner holds",
    "own holds",
    "wide holds",
    "same holds",
  ]);
  const set = checkLaws(read(text, "m.tfm"), {
    resolve: () => undefined,
    entry: "small",
    settings: { layers: 2 },
  });
  expect(set.find(({ name }) => name === "own")!.says).toContain("the left side is 1476");
});
