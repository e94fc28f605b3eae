/**
 * IDX files, as MNIST's → pictures and labels.
 *
 *   train-images-idx3-ubyte [60000, 28, 28], train-labels-idx1-ubyte [60000]; each may be gzipped
 */
import { basename, dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { fail, reasonOf } from "../failure.js";
import { exists, limits, readBytes } from "../files.js";

export interface Idx {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const imagesName = /images([-.])idx[34]-ubyte(\.gz)?$/;
export const isIdxImages = (path: string): boolean => imagesName.test(basename(path));

/** The labels that lie beside a file of pictures: `images` is `labels` in their name. */
export function labelsBeside(path: string): string {
  const plain = basename(path)
    .replace(/\.gz$/, "")
    .replace(/images([-.])idx[34]/, "labels$1idx1");
  const candidates = [plain, `${plain}.gz`].map((name) => join(dirname(path), name));
  return (
    candidates.find(exists) ??
    fail(
      "missing-file",
      `the labels of \`${path}\` are missing`,
      `they are looked for as \`${candidates[0]}\``,
      path,
    )
  );
}

export function readIdx(path: string): Idx {
  const bytes = unpacked(readBytes(path, limits.text), path);
  const axes = bytes[3] ?? 0;
  const head = 4 + 4 * axes;
  if (bytes.length < head || bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 8 || axes === 0)
    return fail(
      "bad-data",
      `\`${path}\` is no IDX file of bytes`,
      "it begins with the bytes 0, 0, 8 and the number of axes",
      path,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, head);
  const shape = Array.from({ length: axes }, (_, n) => view.getUint32(4 + 4 * n));
  const elements = shape.reduce((product, size) => product * size, 1);
  if (bytes.length - head !== elements)
    fail(
      "bad-data",
      `\`${path}\` says [${shape.join(", ")}], and holds ${bytes.length - head} bytes of ${elements}`,
      undefined,
      path,
    );
  return { shape, data: bytes.subarray(head) };
}

function unpacked(bytes: Uint8Array, path: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: limits.text - 1 });
  } catch (error) {
    return fail("bad-data", `\`${path}\` cannot be unpacked: ${reasonOf(error)}`, undefined, path);
  }
}
