/** The same findings for machines: JSON, SARIF 2.1.0, GitHub's workflow commands. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../cli/program.js";
import { createTestHost } from "./host.js";

const before = process.cwd();
const folder = mkdtempSync(join(tmpdir(), "tfmc-findings-"));
beforeAll(() => {
  mkdirSync(join(folder, "my models"));
  writeFileSync(
    join(folder, "my models", "a, 100%.tfm"),
    "# 👍 漢\nmodel m {\n  input x[t, 64] : real\n  y = layer_nrom(x)\n  output z = attention(y, 5)\n}\n",
  );
  writeFileSync(
    join(folder, "b.tfm"),
    "model m {\n  input x[t, 64] : real\n  output y = attention(x, 5)\n}\n",
  );
  writeFileSync(join(folder, "good.tfm"), "model m {\n  input x[t, 8] : real\n  output y = relu(x)\n}\n");
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

async function tfmc(...argv: readonly string[]) {
  const host = createTestHost();
  return { exit: await run(argv, host), ...host.printed };
}
const files = ["my models/a, 100%.tfm", "b.tfm", "missing.tfm"];

const region = {
  type: "object",
  required: ["startLine", "startColumn", "endLine", "endColumn"],
  properties: Object.fromEntries(
    ["startLine", "startColumn", "endLine", "endColumn"].map((name) => [
      name,
      { type: "integer", minimum: 1 },
    ]),
  ),
  additionalProperties: false,
};
const message = {
  type: "object",
  required: ["text"],
  properties: { text: { type: "string", minLength: 1 } },
};
const artifactLocation = {
  type: "object",
  required: ["uri"],
  properties: { uri: { type: "string", pattern: "^[^ ]+$" }, uriBaseId: { const: "%SRCROOT%" } },
  additionalProperties: false,
};
const physicalLocation = {
  type: "object",
  required: ["artifactLocation"],
  properties: { artifactLocation, region },
  additionalProperties: false,
};
const location = {
  type: "object",
  required: ["physicalLocation"],
  properties: { id: { type: "integer", minimum: 0 }, message, physicalLocation },
  additionalProperties: false,
};
const replacement = {
  type: "object",
  required: ["deletedRegion"],
  properties: { deletedRegion: region, insertedContent: message },
  additionalProperties: false,
};
const change = {
  type: "object",
  required: ["artifactLocation", "replacements"],
  properties: { artifactLocation, replacements: { type: "array", minItems: 1, items: replacement } },
  additionalProperties: false,
};
const result = {
  type: "object",
  required: ["ruleId", "ruleIndex", "level", "message"],
  properties: {
    ruleId: { type: "string" },
    ruleIndex: { type: "integer", minimum: 0 },
    level: { enum: ["none", "note", "warning", "error"] },
    message,
    locations: { type: "array", items: location },
    relatedLocations: { type: "array", uniqueItems: true, items: location },
    fixes: {
      type: "array",
      items: {
        type: "object",
        required: ["artifactChanges"],
        properties: { description: message, artifactChanges: { type: "array", minItems: 1, items: change } },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
};
/** What of SARIF's schema a log like ours touches. */
const essentials = {
  type: "object",
  required: ["version", "runs"],
  properties: {
    $schema: { type: "string", pattern: "^https://" },
    version: { const: "2.1.0" },
    runs: {
      type: "array",
      items: {
        type: "object",
        required: ["tool", "results"],
        properties: {
          tool: { type: "object", required: ["driver"] },
          columnKind: { enum: ["utf16CodeUnits", "unicodeCodePoints"] },
          results: { type: "array", items: result },
        },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
};

interface Log {
  readonly runs: readonly [
    {
      readonly tool: {
        readonly driver: { readonly rules: readonly { id: string; help: { text: string } }[] };
      };
      readonly results: readonly Readonly<Record<string, unknown>>[];
    },
  ];
}

describe("SARIF", () => {
  test("is valid, in one log for several files", async () => {
    const { exit, out, err } = await tfmc("check", "--format", "sarif", ...files);
    expect([exit, err]).toEqual([1, ""]);
    const log = JSON.parse(out) as Log;
    const validate = new Ajv({ strict: false }).compile(essentials);
    expect(validate(log), JSON.stringify(validate.errors)).toBe(true);
    const [{ tool, results }] = log.runs;
    expect(tool.driver.rules.map(({ id }) => id)).toEqual(["TFM2001", "TFM3001", "TFM5001"]);
    expect(tool.driver.rules.every(({ help }) => help.text.length > 40)).toBe(true);
    expect(results.map(({ ruleIndex }) => ruleIndex)).toEqual([0, 1, 2]);
    const uri = { uri: "my%20models/a%2C%20100%25.tfm", uriBaseId: "%SRCROOT%" };
    const place = { startLine: 4, startColumn: 7, endLine: 4, endColumn: 17 };
    expect(results[0]).toMatchObject({
      locations: [{ physicalLocation: { artifactLocation: uri, region: place } }],
      fixes: [
        {
          artifactChanges: [
            {
              artifactLocation: uri,
              replacements: [{ deletedRegion: place, insertedContent: { text: "layer_norm" } }],
            },
          ],
        },
      ],
    });
    expect(results[1]!["relatedLocations"]).toHaveLength(3);
  });

  test("of what is right is an empty log", async () => {
    const { exit, out } = await tfmc("check", "--format", "sarif", "good.tfm");
    expect(exit).toBe(0);
    expect((JSON.parse(out) as Log).runs[0].results).toEqual([]);
  });
});

test("GitHub's commands escape what would end them", async () => {
  const { exit, out } = await tfmc("check", "--format", "github", ...files);
  expect(exit).toBe(1);
  expect(out.trimEnd().split("\n")).toEqual([
    "::error file=my models/a%2C 100%25.tfm,line=4,col=7,endLine=4,endColumn=17,title=TFM2001::`layer_nrom` is not a name here.%0ADid you mean `layer_norm`?",
    expect.stringMatching(
      /^::error file=b\.tfm,line=3,col=14,endLine=3,endColumn=29,title=TFM3001::In this call/,
    ),
    "::error file=missing.tfm,title=TFM5001::`missing.tfm` does not exist",
  ]);
});

test("--format json is --json", async () => {
  expect((await tfmc("check", "--format", "json", ...files)).out).toBe(
    (await tfmc("check", "--json", ...files)).out,
  );
});

test("fmt --check and compile report likewise", async () => {
  writeFileSync("wide.tfm", "model m { input x[t, 8] : real; output y = relu( x ) }\n");
  expect(await tfmc("fmt", "--check", "--format", "github", "good.tfm", "wide.tfm")).toEqual({
    exit: 1,
    out: "::error file=wide.tfm,title=TFM5018::wide.tfm is not in canonical form\n",
    err: "",
  });
  const { exit, out } = await tfmc("compile", "b.tfm", "--format", "sarif");
  expect(exit).toBe(1);
  expect((JSON.parse(out) as Log).runs[0].results).toHaveLength(1);
});

describe("explain", () => {
  test.each(["TFM2001", "tfm2001", "2001", "TFM 2001"])("%s", async (code) => {
    const { exit, out } = await tfmc("explain", code);
    expect(exit).toBe(0);
    expect(out).toMatch(/^TFM2001: unknown name\n/);
    expect(out).toContain("tfmc says");
  });
  test("the first digits list what begins with them", async () => {
    const { exit, out } = await tfmc("explain", "tfm30");
    expect(exit).toBe(0);
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => line.slice(0, 7)),
    ).toEqual(["TFM3001", "TFM3002", "TFM3003", "TFM3004", "TFM3005"]);
  });
  test("what is no code is refused with the nearest", async () => {
    expect((await tfmc("explain", "TFM20001")).err).toContain("the nearest code is `TFM2001`");
  });
});
