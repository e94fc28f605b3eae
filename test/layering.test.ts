/**
 * The layers of the architecture, and a small broken tree for every rule: a rule that finds nothing is no rule.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { layeringViolations } from "../scripts/layering.mjs";

const dependencies = { chevrotain: "1", ajv: "1", "ts-morph": "1", commander: "1", webgpu: "1", pngjs: "1" };

function violationsOf(files: Readonly<Record<string, string>>): readonly string[] {
  const root = mkdtempSync(join(tmpdir(), "layering-"));
  try {
    for (const [path, text] of Object.entries({
      "package.json": JSON.stringify({ dependencies }),
      ...files,
    })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return layeringViolations(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("the source tree keeps its layers", () => {
  expect(layeringViolations(fileURLToPath(new URL("..", import.meta.url)))).toEqual([]);
});

describe("allowed", () => {
  test.each<[string, string]>([
    ["compiler/parser/read.ts", `import { error } from "../diagnostics.js";`],
    ["compiler/parser/read.ts", `import { createToken } from "chevrotain";`],
    ["compiler/diagnostics.ts", `import type { Span } from "./parser/model.js";`],
    ["compiler/ir/build/names.ts", `import { librarySources } from "../../library/sources.js";`],
    ["compiler/ir/build.ts", `import type { Model } from "../parser/model.js";`],
    ["compiler/passes/fuse.ts", `export { rewrite } from "../ir/rewrite.js";`],
    ["compiler/codegen/program.ts", `import type { Program } from "../../runtime/program.js";`],
    ["compiler/codegen/typescript.ts", `const { Project } = await import("ts-morph");`],
    ["compiler/codegen/javascript.ts", 'export const text = `import fs from "node:fs"; export default 1`;'],
    [
      "compiler/index.ts",
      `import { fuse } from "./passes/fuse.js"; import { read } from "./parser/read.js";`,
    ],
    ["cli/main.ts", `import { readFileSync } from "node:fs"; import { Command } from "commander";`],
    ["cli/image.ts", `import { PNG } from "pngjs"; import { compile } from "../compiler/index.js";`],
    ["runtime/device.ts", `const { create } = await import("webgpu");`],
  ])("%s: %s", (path, text) => {
    expect(violationsOf({ [path]: text })).toEqual([]);
  });
});

describe("refused", () => {
  test.each<[string, string, RegExp]>([
    [
      "compiler/parser/read.ts",
      `import { ops } from "../ir/ops/index.js";`,
      /parser may import no other layer/,
    ],
    [
      "compiler/ir/graph.ts",
      `import type { Schedule } from "../passes/schedule.js";`,
      /ir may import only parser/,
    ],
    [
      "compiler/ir/graph.ts",
      `type S = import("../passes/schedule.js").Schedule;`,
      /ir may import only parser/,
    ],
    [
      "compiler/ir/verify.ts",
      `import { librarySources } from "../library/sources.js";`,
      /ir may import only/,
    ],
    ["compiler/passes/fuse.ts", `export * from "../codegen/lower.js";`, /passes may import only ir/],
    ["compiler/passes/fuse.ts", `import { compile } from "../index.js";`, /passes may import only ir/],
    ["compiler/codegen/wgsl.ts", `await import("../../cli/main.js");`, /outside the compiler/],
    [
      "compiler/diagnostics.ts",
      `import { read } from "./parser/read.js";`,
      /ground may import no other layer/,
    ],
    ["compiler/shiny/thing.ts", `import { x } from "../ir/graph.js";`, /shiny is no layer/],
    ["compiler/codegen/program.ts", `import { version } from "../../runtime/program.js";`, /its types/],
    ["compiler/codegen/program.ts", `import type { Device } from "../../runtime/device.js";`, /its types/],
    ["compiler/ir/text.ts", `import { createToken } from "chevrotain";`, /its one door/],
    ["compiler/codegen/wgsl.ts", `import type { Project } from "ts-morph";`, /its one door/],
    ["compiler/ir/text.ts", `import { PNG } from "pngjs";`, /it has no door/],
    ["compiler/ir/text.ts", `import { readFileSync } from "node:fs";`, /belong to cli alone/],
    ["runtime/weights.ts", `const fs = await import("node:fs/promises");`, /belong to cli alone/],
    ["runtime/device.ts", `import { create } from "webgpu";`, /on demand only/],
    ["runtime/data.ts", `import { PNG } from "pngjs";`, /the runtime has no dependencies/],
    ["runtime/session.ts", `import type { Graph } from "../compiler/ir/graph.js";`, /nothing outside itself/],
    ["cli/main.ts", `import got from "got";`, /not among the dependencies/],
    ["cli/main.ts", `import { getDevice } from "../test/device.js";`, /outside the product/],
    ["compiler/ir/shape.ts", `export default function shape() {}`, /default export/],
    ["compiler/ir/shape.ts", `const a = 1; export { a as default };`, /default export/],
    ["runtime/shape.ts", `export const enum Kind { a }`, /an enum/],
    ["compiler/library/helper.ts", `export const x = 1;`, /only/],
  ])("%s: %s", (path, text, reason) => {
    const violations = violationsOf({ [path]: text });
    expect(violations).toHaveLength(1);
    expect(violations[0]).toMatch(reason);
  });

  test("a cycle of values, but not of types", () => {
    const cycle = (a: string) => ({
      "compiler/ir/a.ts": a,
      "compiler/ir/b.ts": `import { c } from "./c.js";`,
      "compiler/ir/c.ts": `import { a } from "./a.js";`,
    });
    expect(violationsOf(cycle(`import type { b } from "./b.js";`))).toEqual([]);
    expect(violationsOf(cycle(`import { b } from "./b.js";`))).toEqual([
      "import cycle: compiler/ir/a.ts -> compiler/ir/b.ts -> compiler/ir/c.ts -> compiler/ir/a.ts",
    ]);
  });

  test("a second file that loads webgpu", () => {
    const text = `await import("webgpu");`;
    expect(violationsOf({ "runtime/a.ts": text, "runtime/b.ts": text })).toEqual([
      "runtime/b.ts: imports webgpu, and so does runtime/a.ts: one file may",
    ]);
  });
});
