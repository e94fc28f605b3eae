/**
 * `.tsv`, `.jsonl`, or two files of lines → records of two texts: source and target, or text and label.
 *
 *   ein Hund<TAB>a dog                          →  ["ein Hund", "a dog"]
 *   {"src": "ein Hund", "tgt": "a dog"}         →  ["ein Hund", "a dog"]
 */
import { extname } from "node:path";
import { fail } from "../failure.js";
import { isFolder, limits, readText } from "../files.js";

export type TextRecord = readonly [string, string];

/** Names under which the two fields of a JSON record are looked for, in this order. */
export interface FieldNames {
  readonly first: readonly string[];
  readonly second: readonly string[];
}

export const pairFields: FieldNames = {
  first: ["source", "src", "input", "question"],
  second: ["target", "tgt", "output", "answer"],
};
export const labelFields: FieldNames = {
  first: ["text", "sentence", "content", "input"],
  second: ["label", "class", "category"],
};

/** `--keys translation.de,translation.en`. */
export function fieldsOf(keys: string): FieldNames {
  const names = keys.split(",").map((name) => name.trim());
  if (names.length !== 2 || names.includes(""))
    fail("usage", `\`--keys ${keys}\` does not name two fields`, "for example `--keys source,target`");
  return { first: [names[0]!], second: [names[1]!] };
}

export function readRecords(path: string, fields: FieldNames): readonly TextRecord[] {
  if (isFolder(path))
    fail("not-a-file", `\`${path}\` is a folder, not a file`, "give a `.tsv` or `.jsonl` file", path);
  const lines = linesOf(path);
  switch (extname(path)) {
    case ".tsv":
      return nonEmpty(
        lines.flatMap((line, n) => fromColumns(line, path, n + 1)),
        path,
      );
    case ".jsonl":
    case ".ndjson":
      return nonEmpty(
        lines.flatMap((line, n) => fromJson(line, fields, path, n + 1)),
        path,
      );
    default:
      return fail(
        "bad-data",
        `\`${path}\` is neither \`.tsv\` nor \`.jsonl\``,
        "a line is two columns with a tab between them, or a JSON object with two fields; pairs may also come as two files of lines, `--data FILE --target FILE`",
        path,
      );
  }
}

/** Line n of one file belongs to line n of the other. */
export function readParallel(source: string, target: string): readonly TextRecord[] {
  const [one, other] = [linesOf(source), linesOf(target)];
  if (one.length !== other.length)
    fail(
      "bad-data",
      `\`${source}\` has ${one.length} lines, and \`${target}\` has ${other.length}`,
      "line n of one file belongs to line n of the other",
      target,
    );
  const both = one.map((line, n): TextRecord => [line, other[n]!]);
  return nonEmpty(
    both.filter(([a, b]) => a !== "" || b !== ""),
    source,
  );
}

function linesOf(path: string): readonly string[] {
  const lines = readText(path, limits.text).split(/\r?\n/);
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

function nonEmpty(records: readonly TextRecord[], path: string): readonly TextRecord[] {
  return records.length > 0 ? records : fail("bad-data", `\`${path}\` is empty`, undefined, path);
}

/** Columns after the second are not read. */
function fromColumns(line: string, path: string, number: number): readonly TextRecord[] {
  if (line === "") return [];
  const [first, second] = line.split("\t");
  if (second === undefined)
    return fail("bad-data", `line ${number} of \`${path}\` has no tab`, "a line is two columns", path);
  return [[first!, second]];
}

function fromJson(line: string, fields: FieldNames, path: string, number: number): readonly TextRecord[] {
  if (line.trim() === "") return [];
  const record = parsed(line, path, number);
  return [[field(record, fields.first, path, number), field(record, fields.second, path, number)]];
}

function parsed(line: string, path: string, number: number): object {
  try {
    const value = JSON.parse(line) as unknown;
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // said below
  }
  return fail("bad-data", `line ${number} of \`${path}\` is no JSON object`, undefined, path);
}

function field(record: object, names: readonly string[], path: string, number: number): string {
  for (const name of names) {
    const value = name.split(".").reduce<unknown>(member, record);
    if (typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "boolean") return String(value);
  }
  return fail(
    "bad-data",
    `line ${number} of \`${path}\` has no ${names.map((name) => `\`${name}\``).join(" or ")}`,
    `it has ${Object.keys(record).join(", ") || "no fields"}; \`--keys a,b\` names the two`,
    path,
  );
}

const member = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
