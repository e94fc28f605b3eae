/**
 * How large pictures are, and how large the model wants them.
 *
 *   input image[28, 28] : real   →   { height: 28, width: 28, channels: 1 }
 */
import { fail } from "../failure.js";
import type { DataInput } from "./task.js";

/** Height, width and channels; a picture without an axis of channels has one. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export function imageSize({ shape }: DataInput): ImageSize {
  const [height, width, channels = 1] = shape.slice(1) as readonly number[];
  return { height: height!, width: width!, channels };
}

export function checkSize(path: string, name: string, found: ImageSize, wanted: ImageSize): void {
  const text = ({ height, width, channels }: ImageSize): string => `${height} × ${width} × ${channels}`;
  if (text(found) !== text(wanted))
    fail(
      "bad-data",
      `the pictures of \`${path}\` are ${text(found)}, and the model's \`${name}\` takes ${text(wanted)}`,
      undefined,
      path,
    );
}
