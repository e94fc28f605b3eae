/**
 * Pictures and classes → batches; a byte becomes a number from 0 to 1.
 *
 *   [0, 255, 51, 0] of class 3 as image[2, 2]   →   image [[[0, 1], [0.2, 0]]]   label [3]
 */
import { tensor } from "../../runtime/tensor.js";
import { count } from "../terminal.js";
import { createBuckets, inOrderOfSize } from "./buckets.js";
import type { DataBatch, Dataset } from "./dataset.js";
import type { TaskOf } from "./task.js";

export interface Images {
  /** [n, h, w, c], c being 1 where the model has no such axis. */
  readonly pixels: Uint8Array;
  readonly shape: readonly number[];
  readonly labels: Int32Array;
}

export function imageDataset(
  task: TaskOf<"images">,
  images: Images,
  { batch, seed }: { readonly batch: number; readonly seed: number },
): Dataset {
  const sizes = new Uint8Array(images.labels.length);
  const buckets = createBuckets({ sizes, batch, seed });
  return {
    description: `${count(sizes.length)} pictures`,
    size: sizes.length,
    batch: (n) => imageBatch(task, images, buckets(n)),
    *inOrder(range) {
      for (const members of inOrderOfSize(sizes, range)) yield imageBatch(task, images, members);
    },
  };
}

export function imageBatch(
  { pixels, label }: TaskOf<"images">,
  images: Images,
  members: readonly number[],
): DataBatch {
  const shape = pixels.shape.slice(1) as readonly number[];
  const each = shape.reduce((product, size) => product * size, 1);
  const data = new Float32Array(members.length * each);
  members.forEach((member, n) => {
    for (let i = 0; i < each; i++) data[n * each + i] = images.pixels[member * each + i]! / 255;
  });
  const labels = Int32Array.from(members, (n) => images.labels[n]!);
  const inputs = {
    [pixels.name]: tensor(data, [members.length, ...shape]),
    [label.name]: tensor(labels, [members.length]),
  };
  return { inputs, tokens: members.length, places: members.length };
}
