/** No text makes the parser throw or work much, and what it returns is a tree that prints. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatModel } from "../../compiler/parser/format.js";
import type { Model } from "../../compiler/parser/model.js";
import { diagnosticLimit, readTfm } from "../../compiler/parser/read-tfm.js";
import { countParsing } from "../support/work.js";
import { bare, everything, read } from "./trees.js";

/** What comments say, wherever they stand. */
function commentsOf(model: Model): readonly string[] {
  const loose = (model.trivia ?? []).flatMap((item) => (item.kind === "comment" ? [item.text] : []));
  const docs = model.declarations.flatMap((d) => ("doc" in d && d.doc !== "" ? d.doc.split("\n") : []));
  return [...loose, ...docs].sort();
}

function survives(text: string): void {
  const { result, work } = countParsing(() => readTfm(text, "fuzz.tfm"));
  expect(work).toBeLessThan(20 * text.length + 100);
  const { model, diagnostics } = result;
  const printed = formatModel(model);
  expect(diagnostics.length).toBeLessThanOrEqual(diagnosticLimit);
  if (diagnostics.length === 0) {
    expect(bare(read(printed))).toEqual(bare(model));
    expect(commentsOf(read(printed))).toEqual(commentsOf(model));
    expect(formatModel(read(printed))).toBe(printed);
  }
  for (const d of diagnostics) {
    expect(d.span.start).toBeGreaterThanOrEqual(0);
    expect(d.span.end).toBeGreaterThanOrEqual(d.span.start);
    expect(d.span.end).toBeLessThanOrEqual(Math.max(text.length, 1));
  }
}

const pieces = everything.match(/\s+|[\p{L}_]+|[0-9.]+|./gu) ?? [];
const runs = Number(process.env["TFMC_FUZZ_RUNS"] ?? 400);

test("any text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), survives), { numRuns: runs });
});

test("any sequence of the language's own words", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...pieces), { maxLength: 120 }).map((p) => p.join("")),
      survives,
    ),
    { numRuns: runs },
  );
});

test("a valid file with words removed, doubled, swapped and put in", () => {
  const edit = fc.tuple(
    fc.nat(pieces.length - 1),
    fc.constantFrom("drop", "double", "swap", "put", "cut", "note", "note"),
    fc.constantFrom(...pieces),
  );
  const mutate = (edits: readonly (readonly [number, string, string])[]): string => {
    let now = [...pieces];
    for (const [at, kind, piece] of edits) {
      if (kind === "drop") now.splice(at, 1);
      else if (kind === "double") now.splice(at, 0, now[at] ?? "");
      else if (kind === "swap") now.splice(at, 2, now[at + 1] ?? "", now[at] ?? "");
      else if (kind === "put") now.splice(at, 0, piece);
      else if (kind === "note") now.splice(at, 0, ` # ${piece.trim()}\n`);
      else now = [...now.slice(0, at), ...now.slice(at + 20)];
    }
    return now.join("");
  };
  fc.assert(fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }).map(mutate), survives), {
    numRuns: runs,
  });
});

test("a tree without mistakes has no holes", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((p) => `model m { ${p.join("")} }`),
      (text) => {
        const { model, diagnostics } = readTfm(text, "fuzz.tfm");
        if (diagnostics.length === 0) expect(JSON.stringify(model.declarations)).not.toContain('"text":""');
      },
    ),
    { numRuns: runs },
  );
});
