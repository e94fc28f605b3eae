/** No text makes the JSON reader throw or take long; what has no mistakes formats, travels to `.tfm` and comes back. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { applyFix } from "../../compiler/diagnostics.js";
import { formatModel } from "../../compiler/parser/format.js";
import { formatJson } from "../../compiler/parser/format-json.js";
import { readJson } from "../../compiler/parser/read-json.js";
import { diagnosticLimit } from "../../compiler/parser/read-tfm.js";
import { model } from "./arbitrary-model.js";
import { bare, everything, read } from "./trees.js";

const runs = Number(process.env["TFMC_FUZZ_RUNS"] ?? 400);
const check = <T>(inputs: fc.Arbitrary<T>, property: (input: T) => void, share = 1): void =>
  fc.assert(fc.property(inputs, property), { numRuns: Math.ceil(runs * share) });

function survives(text: string): void {
  const start = performance.now();
  const { model: tree, diagnostics } = readJson(text, "fuzz.json");
  expect(performance.now() - start).toBeLessThan(2000);
  expect(diagnostics.length).toBeLessThanOrEqual(diagnosticLimit);
  for (const d of diagnostics) {
    expect(d.span.start).toBeGreaterThanOrEqual(0);
    expect(d.span.end).toBeGreaterThanOrEqual(d.span.start);
    expect(d.span.end).toBeLessThanOrEqual(Math.max(text.length, 1));
    if (d.fix) expect(() => readJson(applyFix(text, d.fix!), "fuzz.json")).not.toThrow();
  }
  if (diagnostics.length > 0) return;
  expect(JSON.stringify(tree.declarations)).not.toContain('"text":""');
  const json = formatJson(tree);
  expect(bare(readJson(json, "fuzz.json").model)).toEqual(bare(tree));
  expect(bare(read(formatModel(tree)))).toEqual(bare(tree));
  expect(() => JSON.parse(text.replace(/^\ufeff/, ""))).not.toThrow();
}

const flat = `{ "$schema": "s", "model": "decoder", "name": "m", "imports": ["a.tfm"], "doc": ["a", "b"], "layers": 2,
  "ffn": "mlp(hidden: 4 * d_model)", "train": { "batch": 8, "clip": null }, "variants": { "v": { "heads": -1.5e3 } } }`;
const general = formatJson(read(everything));
const pieces = `${flat}${general}`.match(/"(?:[^"\\]|\\.)*"|[A-Za-z0-9_.+-]+|\s+|./gsu) ?? [];
const piece = fc.constantFrom(
  ...pieces,
  ...[
    "NaN",
    "-Infinity",
    "1e999",
    "-",
    "//",
    "/*",
    "\\",
    "\\u12",
    '"\\ud800"',
    "\ud800",
    "__proto__",
    '"__proto__"',
  ],
  ...[
    '"constructor"',
    "'",
    ",",
    ",,",
    "}",
    "]",
    "{",
    "[",
    "\u2028",
    "\ufeff",
    "# x",
    '"(("',
    '"x; y = 2"',
    '"{ }"',
  ],
);

test("any text", () => {
  check(fc.string({ unit: "binary", maxLength: 200 }), survives);
});

test("any JSON", () => {
  check(
    fc.json({ maxDepth: 6 }).map((text) => `${text}`),
    survives,
  );
});

test("any JSON in the places where a model has its parts", () => {
  const any = fc.json({ maxDepth: 2 });
  const key = fc.constantFrom(
    ...["model", "name", "variants", "train", "imports", "doc", "body", "declarations", "parameters", "base"],
    ...[
      "assign",
      "value",
      "if",
      "then",
      "else",
      "match",
      "cases",
      "case",
      "repeat",
      "param",
      "return",
      "settings",
    ],
    ...[
      "mask",
      "score",
      "block",
      "import",
      "law",
      "claim",
      "use",
      "input",
      "type",
      "table",
      "indices",
      "state",
    ],
  );
  const { node } = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 5, depthSize: "medium" },
      any,
      fc.array(tie("node"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
      fc
        .array(fc.tuple(key, tie("node")), { maxLength: 5 })
        .map((members) => `{${members.map(([k, v]) => `"${k}":${v}`).join(",")}}`),
    ),
  }));
  check(node, survives);
});

test("a valid document with words removed, doubled, swapped and put in, or cut off", () => {
  const document = fc.constantFrom(flat, general);
  const edit = fc.tuple(
    fc.nat(pieces.length - 1),
    fc.constantFrom("drop", "double", "swap", "put", "cut"),
    piece,
  );
  const mutate = (text: string, edits: readonly (readonly [number, string, string])[]): string => {
    let now: string[] = [...(text.match(/"(?:[^"\\]|\\.)*"|[A-Za-z0-9_.+-]+|\s+|./gsu) ?? [])];
    for (const [place, kind, other] of edits) {
      const at = place % Math.max(1, now.length);
      if (kind === "drop") now.splice(at, 1);
      else if (kind === "double") now.splice(at, 0, now[at] ?? "");
      else if (kind === "swap") now.splice(at, 2, now[at + 1] ?? "", now[at] ?? "");
      else if (kind === "put") now.splice(at, 0, other);
      else now = now.slice(0, at);
    }
    return now.join("");
  };
  check(
    fc
      .tuple(document, fc.array(edit, { minLength: 1, maxLength: 3 }))
      .map(([text, edits]) => mutate(text, edits)),
    survives,
  );
});

test("a valid document with one character changed", () => {
  const change = fc.tuple(fc.nat(), fc.constantFrom(...'{}[]",:\\/-+.eE0 \n#()tn\u0000\ud800é'));
  check(
    fc.tuple(model, change).map(([tree, [place, character]]) => {
      const text = formatJson(tree);
      const at = place % text.length;
      return text.slice(0, at) + character + text.slice(at + 1);
    }),
    survives,
  );
});

test("brackets and quotes, thousands deep", () => {
  for (const open of [
    "[",
    '{"a":',
    '{"declarations":[',
    '{"model":"m","name":"n","x":[',
    '"',
    '["',
    "(",
    "//",
    "/*",
  ])
    for (const close of ["", "]", "}", "]}"])
      for (const n of [199, 201, 30_000]) survives(open.repeat(n) + close.repeat(n));
  survives(`{ "model": "own", "name": "m", "x": "${"(".repeat(100_000)}" }`);
  survives(`{ "model": "own", "name": "m", "x": "${"\\u0028".repeat(10_000)}" }`);
});

test("a document of a mebibyte, of mistakes only or of none", () => {
  const many = (part: (i: number) => string, n: number) =>
    Array.from({ length: n }, (_, i) => part(i)).join(",");
  const texts = [
    `{ "model": "own", "name": "m", ${many((i) => `"k${i}": ${i}`, 60_000)} }`,
    `{ "model": "own", "name": "m", ${many((i) => `"k${i}": {}`, 60_000)} }`,
    `{ "declarations": [${many(() => "{}", 300_000)}] }`,
    `{ "model": "own", "name": "m", ${many(() => `"k": 1`, 100_000)} }`,
    `{ "model": "own", "name": "m", "x": [${many(() => "1,", 300_000)}] }`,
    `{ "model": "own", "name": "m", "x": [${many(() => '"4 +"', 100_000)}] }`,
  ];
  // Copying what was found so far for each of them would take minutes.
  for (const text of texts) expect(readJson(text, "fuzz.json").diagnostics.length).toBeLessThanOrEqual(20);
});
