import { test } from "vitest";
import { readFileSync } from "node:fs";
import { compile } from "../compiler/index.js";
import { createBuilder } from "../compiler/ir/builder.js";
import { buildSource } from "../compiler/index.js";
import { deriveEntries } from "../compiler/passes/entries.js";
import { checkPasses } from "../compiler/laws/passes.js";
import { workOf } from "../compiler/laws/evaluate.js";
import { smallLengths } from "../compiler/laws/lengths.js";
import { performance } from "node:perf_hooks";
test.each(["nano", "quickstart", "vit", "digits", "encoder"])("%s", (name) => {
  const b = createBuilder();
  const { built } = buildSource(readFileSync(`examples/${name}.tfm`, "utf8"), {}, b);
  const entries = deriveEntries(built!, b);
  const lengths = smallLengths(built!);
  console.log(name, lengths, Object.entries(entries).map(([n, g]) => g && `${n} ${(workOf(g, lengths) / 1e6).toFixed(1)}M`).join(" "));
  
  const r = checkPasses(built!, entries, { builder: b, lengths, seed: 0, span: { file: "", start: 0, end: 0 } });
  console.log(r.map((x) => `${x.entry} ${x.passes} ${x.diagnostics.map((d) => d.message)}`));
});
