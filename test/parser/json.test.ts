/** JSON and `.tfm` say the same: equal Models both ways, one canonical text each, mistakes at their very place. */
import { readdirSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyFix } from "../../compiler/diagnostics.js";
import { compile, format } from "../../compiler/index.js";
import { librarySources } from "../../compiler/library/sources.js";
import { formatModel } from "../../compiler/parser/format.js";
import { formatJson } from "../../compiler/parser/format-json.js";
import type { Model } from "../../compiler/parser/model.js";
import { readJson } from "../../compiler/parser/read-json.js";
import { model } from "./arbitrary-model.js";
import { bare, everything, read } from "./trees.js";

/** The tree of a JSON text that has no mistakes. */
function readSound(text: string): Model {
  const { model: tree, diagnostics } = readJson(text, "test.json");
  if (diagnostics.length > 0)
    throw new Error(`${diagnostics.map((d) => `${d.code} ${d.message}`).join("\n")}\nin\n${text}`);
  return tree;
}

function travels(tree: Model): void {
  const json = formatJson(tree);
  const back = readSound(json);
  expect(bare(back)).toEqual(bare(tree));
  expect(formatJson(back)).toBe(json);
  const tfm = formatModel(back);
  expect(tfm).toBe(formatModel({ ...tree, trivia: [] }));
  expect(formatJson(read(tfm))).toBe(json);
}

describe("both ways", () => {
  test("any Model", () => {
    fc.assert(fc.property(model, travels), { numRuns: Number(process.env["TFMC_FUZZ_RUNS"] ?? 300) });
  });

  test("a Model with every form", () => travels(read(everything)));

  const examples = readdirSync("examples").filter((file) => file.endsWith(".tfm"));
  test.each(examples)("examples/%s", (file) => travels(read(readFileSync(`examples/${file}`, "utf8"))));

  test.each(Object.keys(librarySources))("the library's %s", (name) => travels(read(librarySources[name]!)));
});

const config = `import "blocks.tfm"

# GPT-2 small
#   as published.
model gpt2 : decoder {
  vocab = 50257
  ffn = mlp(hidden: 4 * d_model, act: gelu_tanh)
  qk_norm = none
  train {
    optimizer = adamw(lr: 3e-4, betas: [0.9, 0.95])
    clip = none
  }
  bias = false
}

# Post-LN.
variant post : gpt2 {
  norm_at = post
  train {
    batch = 8
  }
}

variant small : gpt2 {
  layers = 2
}
`;

const flat = `{
  "model": "decoder",
  "name": "gpt2",
  "imports": ["blocks.tfm"],
  "doc": [
    "GPT-2 small",
    "  as published."
  ],
  "vocab": 50257,
  "ffn": "mlp(hidden: 4 * d_model, act: gelu_tanh)",
  "qk_norm": null,
  "train": { "optimizer": "adamw(lr: 3e-4, betas: [0.9, 0.95])", "clip": null },
  "bias": false,
  "variants": {
    "post": { "doc": "Post-LN.", "norm_at": "post", "train": { "batch": 8 } },
    "small": { "layers": 2 }
  }
}
`;

describe("the flat shape", () => {
  test("is what one configured model and its variants become", () => {
    expect(formatJson(read(config))).toBe(flat);
    expect(bare(readSound(flat))).toEqual(bare(read(config)));
    expect(formatModel(readSound(flat))).toBe(config);
  });

  test.each([
    ["a variant of a variant", `${config}variant smaller : small { heads = 1 }\n`],
    ["a second model", `${config}model other : decoder { heads = 1 }\n`],
    ["a block", `${config}block id(x[*]) { return x }\n`],
    ["a law", "model m : decoder { heads = 1\n law l: params == 1 }\n"],
    ["a knob set twice", "model m : decoder { heads = 1; heads = 2 }\n"],
    ["a knob with the name of a key", "model m : own { doc = 1; name = 2; declarations = 3 }\n"],
    ["a knob with a dangerous name", "model m : own { constructor = 1 }\n"],
    ["two recipes", "model m : decoder { train { batch = 1 }\n train { batch = 2 } }\n"],
    ["variants alone", "variant a : b { heads = 1 }\n"],
    [
      "a setting of the recipe twice",
      "model m : decoder { train { batch = 1; batch = 2; __proto__ = 3 } }\n",
    ],
    ["an import behind", `model m : decoder { heads = 1 }\nimport "a.tfm"\n`],
  ])("does not hold %s, the general one does", (_, text) => {
    travels(read(text));
    if (!text.includes("train { batch = 1; ")) expect(formatJson(read(text))).toContain('"declarations"');
  });

  test("compiles to the same program", () => {
    const settings = { layers: 1, d_model: 8, heads: 2, vocab: 16, context: 8 };
    const text =
      "model m : decoder {\n  norm = rms_norm(eps: 1e-5)\n  mask = sliding(4)\n  train { batch = 2 }\n}\n";
    const tfm = compile(text, { settings });
    const json = compile(formatJson(read(text)), { file: "m.json", settings });
    expect(json.diagnostics).toEqual([]);
    expect({ ...json.program, source: "" }).toEqual({ ...tfm.program, source: "" });
  });
});

test("a document keeps its $schema when it is formatted", () => {
  const { text } = format('{"name":"m","model":"decoder","$schema":"s.json"}', "m.json");
  expect(text).toBe('{\n  "$schema": "s.json",\n  "model": "decoder",\n  "name": "m"\n}\n');
  expect(format(text!, "m.json").text).toBe(text);
});

test("comments that are no doc are lost with a warning each", () => {
  const { text, diagnostics } = format(
    "# doc\nmodel m {\n  # inside\n  x = 1 # behind\n}\n",
    "m.tfm",
    "json",
  );
  expect(text).toContain('"doc": "doc"');
  expect(diagnostics.map((d) => [d.code, d.severity])).toEqual([
    ["TFM1110", "warning"],
    ["TFM1110", "warning"],
  ]);
});

test("what one language nests deeper than the other takes is refused, not written", () => {
  const deep = (n: number) => `model m { x = 1\n${"if a { x = 1 } else ".repeat(n)} { x = 2 }\n}\n`;
  expect(format(deep(50), "m.tfm", "json").text).toBeDefined();
  expect(format(deep(250), "m.tfm", "json")).toMatchObject({
    text: undefined,
    diagnostics: [{ code: "TFM4002" }],
  });
});

// ---------------------------------------------------------------- mistakes

const body = (...statements: readonly string[]): string =>
  `{ "declarations": [{ "model": "m", "body": [${statements.join(", ")}] }] }`;
const knobs = (members: string): string => `{ "model": "own", "name": "m", ${members} }`;

/** What is wrong, the code, and the text; «» marks the place. */
const mistakes: readonly (readonly [string, string, string])[] = [
  ["no value", "TFM1100", '{ "model": «}»'],
  ["no end", "TFM1100", '{ "model": "decoder"«»'],
  ["more than one value", "TFM1100", '{ "model": "decoder", "name": "m" } «{»}'],
  ["no comma", "TFM1100", '{ "model": "decoder" «"name"»: "m" }'],
  ["no colon", "TFM1100", '{ "model" «"decoder"», "name": "m" }'],
  ["a key without quotes", "TFM1100", '{ «model»: "decoder", "name": "m" }'],
  ["another quote", "TFM1100", '{ "model": «\'decoder\'», "name": "m" }'],
  ["Python's None", "TFM1100", knobs('"qk_norm": «None»')],
  ["a word", "TFM1100", knobs('"norm_at": «post»')],
  ["a string over two lines", "TFM1100", '{ "model": «"dec»\noder" }'],
  ["an escape that JSON lacks", "TFM1100", '{ "model": «"\\x41"», "name": "m" }'],
  ["a number that does not end", "TFM1100", knobs('"layers": «1.»')],
  ["a comment", "TFM1101", '{ "model": "decoder", «// of course»\n "name": "m" }'],
  ["a long comment", "TFM1101", '{ "model": «/* the\nfamily */» "decoder", "name": "m" }'],
  ["a trailing comma", "TFM1101", '{ "model": "decoder", "name": "m"«,» }'],
  ["a trailing comma in a list", "TFM1101", knobs('"betas": [1, 2«,»]')],
  ["a key twice", "TFM1102", knobs('"heads": 1, "«heads»": 2')],
  ["a key twice, once in disguise", "TFM1102", knobs('"heads": 1, "«h\\u0065ads»": 2')],
  ["__proto__", "TFM1103", knobs('"«__proto__»": 1')],
  ["constructor, in disguise", "TFM1103", knobs('"«c\\u006fnstructor»": 1')],
  ["prototype", "TFM1103", knobs('"train": { "«prototype»": 1 }')],
  ["a knob of no family", "TFM1104", '{ "model": "decoder", "name": "m", "«layesr»": 2 }'],
  [
    "a knob of no family, in a variant",
    "TFM1104",
    '{ "model": "encoder", "name": "m", "variants": { "v": { "«haeds»": 2 } } }',
  ],
  ["an unknown kind", "TFM1104", body('{ "«asign»": "x", "value": 1 }')],
  ["an unknown key", "TFM1104", body('{ "assign": "x", "value": 1, "«comment»": "" }')],
  ["a misspelt key", "TFM1104", body('{ "repeat": 2, "«boddy»": [] }')],
  ["NaN", "TFM1105", knobs('"clip": «NaN»')],
  ["minus infinity", "TFM1105", knobs('"clip": «-Infinity»')],
  ["a number beyond all", "TFM1105", knobs('"clip": «1e999»')],
  ["half a surrogate pair", "TFM1106", knobs('"doc": "a«\\ud83d»b"')],
  ["a control character", "TFM1106", knobs('"doc": "a«\\u0000»b"')],
  ["text that reorders itself", "TFM1106", knobs('"doc": "a«\u202e»b"')],
  ["an object as a value", "TFM1107", knobs('"layers": «{ "n": 2 }»')],
  ["a list as a document", "TFM1107", "«[]»"],
  ["a number as a document", "TFM1107", "«1»"],
  ["a body that is no list", "TFM1107", '{ "declarations": [{ "model": "m", "body": «{}» }] }'],
  ["a statement that is no object", "TFM1107", body("«3»")],
  ["a truth value in words", "TFM1107", body('{ "param": "w", "frozen": "«yes»" }')],
  ["an operator", "TFM1107", body('{ "assign": "x", "operator": "«-»", "value": 1 }')],
  ["nothing in a list", "TFM1107", body('{ "param": «[]» }')],
  ["no name", "TFM1108", '«{» "model": "decoder" }'],
  ["no kind", "TFM1108", body('«{» "value": 1 }')],
  ["no value of an assignment", "TFM1108", body('«{» "assign": "x" }')],
  ["a name that is none", "TFM1109", '{ "model": "decoder", "name": "«gpt-2»" }'],
  ["a reserved word", "TFM1109", body('{ "output": "«where»", "value": "x" }')],
  ["a key that is no name", "TFM1109", knobs('"train": { "«batch size»": 3 }')],
  ["nothing in a formula", "TFM1000", knobs('"ffn": "«"»')],
  ["an unfinished formula", "TFM1000", knobs('"ffn": "4 *«"»')],
  ["more than a formula", "TFM1000", knobs('"ffn": "4 «d»"')],
  ["a statement for a formula", "TFM1000", knobs('"ffn": "4«;» x = 3"')],
  ["a mistake behind escapes", "TFM1000", knobs('"ffn": "\\u0034\\t* \\"\\\\\\"\\" «\\u003d»"')],
  ["a mistake behind an emoji", "TFM1001", knobs('"ffn": "\\"😀\\" «$»"')],
  ["a bracket", "TFM1002", knobs('"ffn": "mlp«(»hidden: 4"')],
  ["an operator of another language", "TFM1006", knobs('"ffn": "d «\\u002a\\u002a» 2"')],
  ["comparisons in a row", "TFM1007", knobs('"ffn": "1 < 2 «<» 3"')],
  ["a grouped number", "TFM1005", knobs('"vocab": "«50_257»"')],
  ["a comment in a formula", "TFM1101", knobs('"ffn": "4 «# four»"')],
  ["an instance of nothing", "TFM1008", body('{ "use": "w", "value": "«table»" }')],
  ["an input of no type", "TFM1008", body('{ "input": "x[t]", "type": "«float»" }')],
  ["a star on the left", "TFM1008", body('{ "assign": "«y[*]»", "value": 1 }')],
  ["a value on the left", "TFM1008", body('{ "assign": "y = «1»", "value": 1 }')],
  ["too many brackets", "TFM4002", knobs(`"a": "${"(".repeat(200)}«(»"`)],
  ["too many lists", "TFM4002", knobs(`"a": ${"[".repeat(200)}«[»`)],
];

function marked(text: string): { readonly text: string; readonly start: number; readonly end: number } {
  const start = text.indexOf("«");
  return { text: text.replace("«", "").replace("»", ""), start, end: text.indexOf("»") - 1 };
}

describe("mistakes", () => {
  test.each(mistakes)("%s: %s", (_, code, source) => {
    const { text, start, end } = marked(source);
    const { diagnostics } = readJson(text, "test.json");
    expect(diagnostics[0]).toMatchObject({
      code,
      severity: "error",
      span: { file: "test.json", start, end },
    });
    expect(diagnostics.filter((d) => d.span.start === start)).toHaveLength(1);
  });

  test("one mistake is one diagnostic, and what mends it mends it", () => {
    for (const [what, , source] of mistakes) {
      const { text } = marked(source);
      const { diagnostics } = readJson(text, "test.json");
      expect(diagnostics.length, what).toBe(1);
      const { fix } = diagnostics[0]!;
      if (fix) expect(readJson(applyFix(text, fix), "test.json").diagnostics, what).toEqual([]);
    }
    expect(mistakes.filter(([, , s]) => readJson(marked(s).text, "x.json").diagnostics[0]!.fix)).not.toEqual(
      [],
    );
  });

  test("three mistakes are three reports", () => {
    const text = knobs('"a": {}, "b": "4 +", "c": "f(x"');
    expect(readJson(text, "x.json").diagnostics.map((d) => d.code)).toEqual([
      "TFM1107",
      "TFM1000",
      "TFM1002",
    ]);
  });

  test("a byte order mark is skipped; too long a text and bytes that are no text are refused", () => {
    expect(readJson(`\ufeff${flat}`, "x.json").diagnostics).toEqual([]);
    expect(readJson(" ".repeat(1 << 20) + flat, "x.json").diagnostics[0]!.code).toBe("TFM4003");
    expect(readJson("\u0000", "x.json").diagnostics[0]!.code).toBe("TFM4004");
  });

  test("an import may give a family's name to another model", () => {
    const text = '{ "model": "decoder", "name": "m", "imports": ["a.tfm"], "own_knob": 3 }';
    expect(readJson(text, "x.json").diagnostics).toEqual([]);
  });
});
