/**
 * Path → contents, contents → path: all file access of the command line.
 *
 * Reads are bounded and say what is wrong with the file; writes go to a temporary name in the same folder, are synced and
 * renamed, so that a reader never sees half a file.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from "node:path";
import { nearest } from "../compiler/nearest.js";
import { fail, reasonOf, systemCode } from "./failure.js";

const MiB = 1024 * 1024;
/** Limits that refuse a wrong path before it fills the memory. */
export const limits = {
  model: 4 * MiB,
  names: 256 * MiB,
  picture: 64 * MiB,
  text: 2048 * MiB,
  tensors: 64 * 1024 * MiB,
} as const;

function similarNeighbour(path: string): string | undefined {
  try {
    const name = nearest(basename(path), readdirSync(dirname(path)));
    return name === undefined ? undefined : join(dirname(path), name);
  } catch {
    return undefined;
  }
}

function missing(path: string): never {
  const near = similarNeighbour(path);
  return fail("missing-file", `\`${path}\` does not exist`, near && `did you mean \`${near}\`?`, path);
}

function sizeOf(path: string): number {
  const status = statusOf(path);
  if (status.isDirectory()) fail("not-a-file", `\`${path}\` is a folder, not a file`, undefined, path);
  return status.size;
}

function statusOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return missing(path);
    return fail("unreadable-file", `\`${path}\` cannot be read: ${reasonOf(error)}`, undefined, path);
  }
}

export function readBytes(path: string, limit: number): Uint8Array {
  const found = sizeOf(path);
  if (found > limit) tooLarge(path, found, limit);
  try {
    const { buffer, byteOffset, length: size } = readFileSync(path);
    return new Uint8Array(buffer, byteOffset, size); // a Buffer's slice would share, not copy
  } catch (error) {
    return fail("unreadable-file", `\`${path}\` cannot be read: ${reasonOf(error)}`, undefined, path);
  }
}

export function tooLarge(path: string, size: number, limit: number): never {
  return fail("too-large-file", `\`${path}\` has ${size} bytes; the limit is ${limit}`, undefined, path);
}

/** Bytes → text; refuses what is not UTF-8 and what holds NUL, naming the place. A byte order mark is dropped. */
export function decodeText(bytes: Uint8Array, path: string): string {
  const nul = bytes.indexOf(0);
  if (nul >= 0) fail("not-text", `\`${path}\` is not text: byte ${nul} is 0`, undefined, path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return fail(
      "not-text",
      `\`${path}\` is not UTF-8 text: byte ${firstBadByte(bytes)} is invalid`,
      undefined,
      path,
    );
  }
}

function firstBadByte(bytes: Uint8Array): number {
  const valid = (end: number): boolean => {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, end), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let good = 0;
  let bad = bytes.length;
  while (good + 1 < bad) {
    const middle = (good + bad) >> 1;
    if (valid(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

export const readText = (path: string, limit: number): string => decodeText(readBytes(path, limit), path);

export const exists = (path: string): boolean => statOf(path) !== undefined;
export const isFolder = (path: string): boolean => statOf(path)?.isDirectory() === true;

/** Nothing stands under a path that goes through a file. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (systemCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** The text files of a folder, sorted by path, at any depth; hidden ones are left out. */
export function textFilesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(
      (entry) =>
        entry.isFile() && !entry.name.startsWith(".") && [".txt", ".md", ""].includes(extname(entry.name)),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The folders directly inside, hidden ones too; none where `path` is no folder. */
export const foldersIn = (path: string): readonly string[] =>
  isFolder(path)
    ? readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(path, entry.name))
    : [];

/** The files directly inside. */
export const filesIn = (path: string): readonly string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(path, entry.name));

// ------------------------------------------------------------------ writing

function writable<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return fail("unwritable-file", `\`${path}\` cannot be written: ${reasonOf(error)}`, undefined, path);
  }
}

/** One by one from the first that is missing: Node's recursive form never returns where the system refuses with ENOENT, as /proc does. */
export function makeFolder(path: string): void {
  if (isFolder(path)) return;
  const above = dirname(resolve(path));
  if (above !== resolve(path)) makeFolder(above);
  writable(path, () => {
    try {
      mkdirSync(path);
    } catch (error) {
      if (!isFolder(path)) throw error; // somebody else may have been faster
    }
  });
}

const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}.tmp`);

function syncFolder(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function writeSynced(path: string, data: Uint8Array | string): void {
  const handle = openSync(path, "w", 0o644);
  try {
    writeFileSync(handle, data);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Replaces one file as a whole. */
export const writeAtomic = (path: string, data: Uint8Array | string): void =>
  writeAllAtomic(new Map([[path, data]]));

/** Replaces several files: nothing is renamed before everything is on disk. */
export function writeAllAtomic(files: ReadonlyMap<string, Uint8Array | string>): void {
  const temporaries: { readonly path: string; readonly temporary: string }[] = [];
  try {
    for (const [path, data] of files) {
      const temporary = temporaryName(path);
      makeFolder(dirname(path));
      temporaries.push({ path, temporary });
      writable(path, () => writeSynced(temporary, data));
    }
    for (const { path, temporary } of temporaries) writable(path, () => renameSync(temporary, path));
    for (const folder of new Set(temporaries.map(({ path }) => dirname(path)))) syncFolder(folder);
  } finally {
    for (const { temporary } of temporaries) rmSync(temporary, { force: true });
  }
}

/** Makes a folder with these files, written in this order, appear at once, replacing one of that name. */
export function writeFolderAtomic(path: string, files: ReadonlyMap<string, Uint8Array | string>): void {
  const temporary = temporaryName(path);
  try {
    makeFolder(temporary);
    writable(path, () => {
      for (const [name, data] of files) writeSynced(inside(temporary, name), data);
      syncFolder(temporary);
      if (exists(path)) rmSync(path, { recursive: true });
      renameSync(temporary, path);
      syncFolder(dirname(path));
    });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Makes `path` a second name of `from`, replacing what was there; a copy where the file system has no links. */
export function linkAtomic(from: string, path: string): void {
  const temporary = temporaryName(path);
  writable(path, () => {
    try {
      linkSync(from, temporary);
    } catch {
      copyFileSync(from, temporary);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  });
}

export const appendLine = (path: string, line: string): void => {
  writable(path, () => writeFileSync(path, `${line}\n`, { flag: "a" }));
};

export const removeTree = (path: string): void => {
  writable(path, () => rmSync(path, { recursive: true, force: true }));
};

/** `name` inside `folder`; a name that leaves it is refused. */
export function inside(folder: string, name: string): string {
  const path = resolve(folder, name);
  const way = relative(resolve(folder), path);
  if (way === "" || way.startsWith("..") || isAbsolute(way)) {
    fail("unwritable-file", `\`${name}\` is not a name inside \`${folder}\``, undefined, name);
  }
  return path;
}

export const sha256 = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");

/** Writes without buffering, for messages just before the process ends. */
export const writeNow = (descriptor: number, text: string): void => {
  writeSync(descriptor, text);
};
