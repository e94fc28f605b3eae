/**
 * Nothing → small grey pictures of four shapes and their labels, as IDX files like MNIST's.
 *
 *     0 square · 1 disc · 2 cross · 3 triangle, near the middle, of three sizes, on a noisy ground
 */
import { createRandom } from "./random.js";

export const shapeSize = 16;
export const shapeNames = ["square", "disc", "cross", "triangle"] as const;

/** Whether a shape of radius r around the origin covers (x, y); y grows downwards. */
const covers: Readonly<Record<(typeof shapeNames)[number], (x: number, y: number, r: number) => boolean>> = {
  square: (x, y, r) => Math.max(Math.abs(x), Math.abs(y)) <= r,
  disc: (x, y, r) => x * x + y * y <= r * r,
  cross: (x, y, r) => Math.min(Math.abs(x), Math.abs(y)) <= r / 4 && Math.max(Math.abs(x), Math.abs(y)) <= r,
  triangle: (x, y, r) => y <= r && Math.abs(x) <= (y + r) / 2,
};

export interface Shapes {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

export function drawnShapes(count = 600): Shapes {
  const next = createRandom(22);
  const pixels = new Uint8Array(count * shapeSize * shapeSize);
  const labels = new Uint8Array(count);
  for (let n = 0; n < count; n++) {
    labels[n] = n % shapeNames.length;
    const picture = pixels.subarray(n * shapeSize * shapeSize, (n + 1) * shapeSize * shapeSize);
    draw(picture, shapeNames[labels[n]!]!, next);
  }
  return { images: idx([count, shapeSize, shapeSize], pixels), labels: idx([count], labels) };
}

function draw(picture: Uint8Array, shape: (typeof shapeNames)[number], next: () => number): void {
  const radius = 4 + (next() % 3);
  const [left, top] = [7 + (next() % 3), 7 + (next() % 3)];
  const light = 160 + (next() % 96);
  for (let y = 0; y < shapeSize; y++)
    for (let x = 0; x < shapeSize; x++)
      picture[y * shapeSize + x] = covers[shape](x - left, y - top, radius) ? light : next() % 48;
}

/** Two zero bytes, 8 for bytes, the number of axes, their sizes big-endian, the elements. */
function idx(shape: readonly number[], data: Uint8Array): Uint8Array {
  const head = 4 + 4 * shape.length;
  const bytes = new Uint8Array(head + data.length);
  bytes.set([0, 0, 8, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((size, n) => {
    view.setUint32(4 + 4 * n, size);
  });
  bytes.set(data, head);
  return bytes;
}
