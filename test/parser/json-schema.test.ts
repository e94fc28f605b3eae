/** The schema that editors get, the code made from it, and the library's knobs are one thing. */
import { readdirSync, readFileSync } from "node:fs";
import { Ajv } from "ajv";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { librarySources } from "../../compiler/library/sources.js";
import { formatJson } from "../../compiler/parser/format-json.js";
import { familiesOf } from "../../compiler/parser/json/knobs.js";
import { modelSchema } from "../../compiler/parser/json/schema.js";
import { validate } from "../../compiler/parser/json/validate.js";
import { readTfm } from "../../compiler/parser/read-tfm.js";
import { model } from "./arbitrary-model.js";

const families = familiesOf(librarySources);
const schema = JSON.parse(readFileSync("spec/model.schema.json", "utf8"));
const ajv = new Ajv({ allErrors: true, strictRequired: false, strictTypes: false });
const full = ajv.compile(schema);

const accepts = (text: string): readonly [boolean, boolean] => {
  const document = JSON.parse(text) as unknown;
  return [full(document), validate(document) as boolean];
};

/** A replacement may have hit the inside of a string. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test("spec/model.schema.json is made from the library of today", () => {
  expect(schema).toEqual(JSON.parse(JSON.stringify(modelSchema(families))));
});

describe("families", () => {
  test("are the models of the library", () => {
    expect(families.map(({ name }) => name)).toEqual(["decoder", "encoder", "encoder_decoder"]);
  });

  test.each(families.map((family) => [family.name, family] as const))("%s", (name, { doc, knobs }) => {
    const { description, properties } = schema.definitions[`family.${name}`];
    expect(doc).not.toBe("");
    expect(description).toBe(doc);
    for (const knob of knobs) {
      expect(knob.doc, `${name}.${knob.name} has a line in the comment above the model`).not.toBe("");
      expect(properties[knob.name]).toMatchObject({ description: knob.doc, default: knob.default });
    }
  });

  test("a knob's lines are its description, and the rest is about the family", () => {
    const text =
      "# A.\n# B.\n#   n, m: how\n#     many\n#   k: kind: or not\nmodel f(n = 2, m = n + 1, k = none, r) { x = 1 }\n";
    expect(familiesOf({ f: text })).toEqual([
      {
        name: "f",
        doc: "A. B.",
        knobs: [
          { name: "n", doc: "how many", default: 2 },
          { name: "m", doc: "how many", default: "n + 1" },
          { name: "k", doc: "kind: or not", default: null },
          { name: "r", doc: "", default: undefined },
        ],
      },
    ]);
  });
});

test("every model that is written down fits", () => {
  const texts = readdirSync("examples").filter((file) => file.endsWith(".tfm"));
  for (const file of texts) {
    const { model: tree } = readTfm(readFileSync(`examples/${file}`, "utf8"), file);
    expect(accepts(formatJson(tree)), file).toEqual([true, true]);
  }
  fc.assert(
    fc.property(model, (tree) => {
      expect(accepts(formatJson(tree))).toEqual([true, true]);
    }),
    { numRuns: 200 },
  );
});

test("the code and the schema agree on documents with a part replaced", () => {
  const part = fc.oneof(fc.json({ maxDepth: 1 }), fc.constantFrom('"x"', "[]", "{}", "[1]", '["x"]', "true"));
  const knob = fc.constantFrom(
    ...families.flatMap(({ knobs }) => knobs.map(({ name }) => name)),
    "train",
    "doc",
    "zz",
  );
  const config = fc
    .tuple(fc.constantFrom("decoder", "encoder", "own"), fc.array(fc.tuple(knob, part), { maxLength: 4 }))
    .map(([family, members]) =>
      JSON.stringify({
        ...{ model: family, name: "m" },
        ...Object.fromEntries(members.map(([key, text]) => [key, JSON.parse(text) as unknown])),
      }),
    );
  const replaced = fc.tuple(model, fc.nat(), part, fc.boolean()).map(([tree, place, text, renames]) => {
    const json = formatJson(tree);
    const parts = [
      ...json.matchAll(renames ? /"\w+"(?=:)/g : /(?<=: )("(?:[^"\\]|\\.)*"|[\d.e+-]+|true|null)/g),
    ];
    const at = parts[place % Math.max(1, parts.length)];
    if (!at) return json;
    return json.slice(0, at.index) + (renames ? '"renamed"' : text) + json.slice(at.index + at[0].length);
  });
  fc.assert(
    fc.property(fc.oneof(config, replaced.filter(isJson)), (text) => {
      const [whole, short] = accepts(text);
      expect(short).toBe(whole);
    }),
    { numRuns: Number(process.env["TFMC_FUZZ_RUNS"] ?? 1000) },
  );
});
