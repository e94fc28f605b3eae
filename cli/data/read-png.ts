/**
 * A folder of PNG files for each class → pictures, all of one size.
 *
 *   pets/cat/1.png, pets/dog/7.png, image[32, 32, 3]  →  [2, 32, 32, 3], ["cat", "dog"]
 *
 * A model of one channel gets the brightness (Rec. 601), one of three the colours without transparency.
 */
import { basename, extname } from "node:path";
import { PNG } from "pngjs";
import { fail, reasonOf } from "../failure.js";
import type { Picture } from "../features/resize.js";
import { filesIn, limits, readBytes } from "../files.js";
import type { ImageSize } from "./image-size.js";
import { checkSize } from "./image-size.js";
import type { RawImages } from "./read.js";

export function readPngFolders(folders: readonly string[], name: string, size: ImageSize): RawImages {
  const files = folders.flatMap((folder) =>
    filesIn(folder)
      .filter((path) => extname(path).toLowerCase() === ".png")
      .sort()
      .map((path) => ({ path, label: basename(folder) })),
  );
  if (files.length === 0) fail("bad-data", "no folder of a class holds a PNG file", undefined, folders[0]);
  if (![1, 3, 4].includes(size.channels))
    fail("bad-data", `\`${name}\` has ${size.channels} channels; PNG files have 1, 3 or 4`);
  const { height, width, channels } = size;
  const each = height * width * channels;
  const pixels = new Uint8Array(files.length * each);
  files.forEach(({ path }, n) => {
    const image = decoded(path);
    checkSize(path, name, { height: image.height, width: image.width, channels }, size);
    pixels.set(withChannels(image.data, channels), n * each);
  });
  return { pixels, shape: [files.length, height, width, channels], labels: files.map(({ label }) => label) };
}

/** One picture of 1, 3 or 4 channels, as large as it is. */
export function readPicture(path: string, channels: number): Picture {
  const { height, width, data } = decoded(path);
  return { height, width, channels, pixels: withChannels(data, channels) };
}

/** Eight bits of red, green, blue and opacity, whatever the file holds. */
function decoded(path: string): PNG {
  try {
    return PNG.sync.read(Buffer.from(readBytes(path, limits.picture)));
  } catch (error) {
    return fail(
      "bad-data",
      `\`${path}\` is no PNG file that can be read: ${reasonOf(error)}`,
      undefined,
      path,
    );
  }
}

function withChannels(rgba: Uint8Array, channels: number): Uint8Array {
  if (channels === 4) return rgba;
  const pixels = new Uint8Array((rgba.length / 4) * channels);
  for (let n = 0; n < rgba.length / 4; n++) {
    const [r, g, b] = [rgba[4 * n]!, rgba[4 * n + 1]!, rgba[4 * n + 2]!];
    if (channels === 1) pixels[n] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
    else pixels.set([r, g, b], 3 * n);
  }
  return pixels;
}
