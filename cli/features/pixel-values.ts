/**
 * A picture → the numbers that a model of vision takes, channel after channel.
 *
 *   640 × 480, size 224, mean 0.5, deviation 0.5   →   [3, 224, 224] between -1 and 1
 */
import { fail } from "../failure.js";
import type { PictureSettings, Sides } from "./extractor.js";
import type { Picture } from "./resize.js";
import { kernels, resize } from "./resize.js";

export interface PixelValues {
  /** Channels, height, width. */
  readonly shape: readonly [number, number, number];
  readonly data: Float32Array;
}

export function pixelValues(picture: Picture, settings: PictureSettings, path: string): PixelValues {
  const { height, width, channels, pixels } = cropped(resized(picture, settings), settings.crop, path);
  const { mean, deviation, scale } = settings;
  const data = new Float32Array(channels * height * width);
  for (let c = 0; c < channels; c++)
    for (let n = 0; n < height * width; n++)
      data[c * height * width + n] =
        (pixels[n * channels + c]! * scale - mean[c % mean.length]!) / deviation[c % deviation.length]!;
  return { shape: [channels, height, width], data };
}

function resized(picture: Picture, { size, resample }: PictureSettings): Picture {
  if (!size) return picture;
  const { height, width } = sidesFor(picture, size);
  const kernel = kernels.get(resample);
  if (kernel) return resize(picture, height, width, kernel);
  return fail(
    "bad-data",
    `\`resample\` is ${resample}, which tfmc does not do`,
    "it knows 1 (Lanczos), 2 (bilinear) and 3 (bicubic)",
  );
}

function sidesFor({ height, width }: Picture, size: Sides | { readonly shorter: number }): Sides {
  if (!("shorter" in size)) return size;
  const { shorter } = size;
  const longer = Math.trunc((shorter * Math.max(height, width)) / Math.min(height, width));
  return height < width ? { height: shorter, width: longer } : { height: longer, width: shorter };
}

/** The middle. */
function cropped(picture: Picture, crop: Sides | undefined, path: string): Picture {
  if (!crop) return picture;
  const { channels } = picture;
  const { height, width } = crop;
  if (height > picture.height || width > picture.width)
    return fail(
      "bad-data",
      `\`${path}\` is ${picture.height} × ${picture.width} where its middle, ${height} × ${width}, is wanted`,
      undefined,
      path,
    );
  const top = Math.floor((picture.height - height) / 2);
  const left = Math.floor((picture.width - width) / 2);
  const pixels = new Uint8Array(height * width * channels);
  for (let row = 0; row < height; row++) {
    const start = ((top + row) * picture.width + left) * channels;
    pixels.set(picture.pixels.subarray(start, start + width * channels), row * width * channels);
  }
  return { height, width, channels, pixels };
}
