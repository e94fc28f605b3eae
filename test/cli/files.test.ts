import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Failure } from "../../cli/failure.js";
import {
  inside,
  limits,
  readText,
  textFilesIn,
  writeAllAtomic,
  writeAtomic,
  writeFolderAtomic,
} from "../../cli/files.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

test("a missing file names a similar one beside it", () => {
  writeFileSync(join(folder, "nano.tfm"), "");
  const failure = failureOf(() => readText(join(folder, "nano.tmf"), limits.model));
  expect(failure.kind).toBe("missing-file");
  expect(failure.hint).toContain("nano.tfm");
});

test("a folder, a path through a file, a loop of links and a file too large are told apart", () => {
  writeFileSync(join(folder, "file"), "12345");
  symlinkSync("loop", join(folder, "loop"));
  expect(failureOf(() => readText(folder, 10)).kind).toBe("not-a-file");
  expect(failureOf(() => readText(join(folder, "file", "x"), 10)).kind).toBe("missing-file");
  expect(failureOf(() => readText(join(folder, "loop"), 10)).kind).toBe("unreadable-file");
  expect(failureOf(() => readText(join(folder, "file"), 4)).kind).toBe("too-large-file");
});

test("what is not text is refused with the place of its first bad byte", () => {
  const path = join(folder, "x");
  writeFileSync(path, Buffer.from([65, 66, 0, 67]));
  expect(failureOf(() => readText(path, 10)).message).toContain("byte 2 is 0");
  writeFileSync(path, Buffer.from([65, 0xc3, 0xa9, 0xff, 67]));
  expect(failureOf(() => readText(path, 10)).message).toContain("byte 3 is invalid");
  writeFileSync(path, "\ufeffaxis θ");
  expect(readText(path, 20)).toBe("axis θ");
});

test("several files are written all or none, and no temporary name is left", () => {
  mkdirSync(join(folder, "taken"));
  writeFileSync(join(folder, "a"), "old");
  const files = new Map([
    [join(folder, "a"), "new"],
    [join(folder, "a", "below"), "a file is no folder"],
  ]);
  expect(failureOf(() => writeAllAtomic(files)).kind).toBe("unwritable-file");
  expect(readFileSync(join(folder, "a"), "utf8")).toBe("old");
  writeAtomic(join(folder, "a"), "new");
  expect(readFileSync(join(folder, "a"), "utf8")).toBe("new");
  expect(readdirSync(folder).sort()).toEqual(["a", "taken"]);
});

test("a folder appears as a whole and replaces an older one", () => {
  const path = join(folder, "step");
  writeFolderAtomic(path, new Map([["one", "1"]]));
  writeFolderAtomic(path, new Map([["two", "2"]]));
  expect(readdirSync(path)).toEqual(["two"]);
  expect(readdirSync(folder)).toEqual(["step"]);
});

test("names that leave their folder are refused", () => {
  expect(inside(folder, "a/b")).toBe(join(folder, "a", "b"));
  for (const name of ["../x", "/etc/passwd", ".", "a/../.."]) {
    expect(failureOf(() => inside(folder, name)).kind).toBe("unwritable-file");
  }
});

test("text files of a folder, at any depth, sorted; hidden and binary ones left out", () => {
  mkdirSync(join(folder, "b"));
  for (const name of ["z.txt", "b/a.txt", ".hidden.txt", "picture.png"])
    writeFileSync(join(folder, name), "");
  expect(textFilesIn(folder)).toEqual([join(folder, "b", "a.txt"), join(folder, "z.txt")]);
});
