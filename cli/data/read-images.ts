/**
 * A folder → pictures with the names of their classes, in the size that the model takes.
 *
 *   mnist/train-images-idx3-ubyte + train-labels-idx1-ubyte   →   [60000, 28, 28, 1]
 *   pets/cat/1.png, pets/dog/7.png                            →   [2, h, w, c], "cat", "dog"
 */
import { basename } from "node:path";
import { fail } from "../failure.js";
import { exists, filesIn, foldersIn, isFolder } from "../files.js";
import type { ImageSize } from "./image-size.js";
import { checkSize, imageSize } from "./image-size.js";
import type { RawImages } from "./read.js";
import { isIdxImages, labelsBeside, readIdx } from "./read-idx.js";
import { readPngFolders } from "./read-png.js";
import type { DataInput } from "./task.js";

export function readImages(path: string, input: DataInput): RawImages {
  const size = imageSize(input);
  if (!isFolder(path)) {
    if (exists(path) && !isIdxImages(path)) notImages(path);
    return readIdxImages(path, input.name, size);
  }
  const sets = filesIn(path).filter(isIdxImages).sort();
  if (sets.length > 0) return readIdxImages(trainingSet(path, sets), input.name, size);
  const classes = foldersIn(path).filter((folder) => !basename(folder).startsWith("."));
  if (classes.length === 0) notImages(path);
  return readPngFolders(classes.sort(), input.name, size);
}

const notImages = (path: string): never =>
  fail(
    "bad-data",
    `\`${path}\` holds no pictures`,
    "give a folder with `*-images-idx3-ubyte` and `*-labels-idx1-ubyte`, one such file of pictures, or a folder of PNG files for each class",
    path,
  );

const isTraining = (path: string): boolean => basename(path).startsWith("train");

function trainingSet(folder: string, sets: readonly string[]): string {
  const training = sets.filter(isTraining);
  if (sets.length === 1) return sets[0]!;
  if (training.length === 1) return training[0]!;
  return fail(
    "bad-data",
    `\`${folder}\` holds ${sets.length} sets of pictures`,
    "name the file of one",
    folder,
  );
}

/** The other set of a folder that has one for training, as MNIST's has. */
export function validationImagesIn(path: string): string | undefined {
  if (!isFolder(path)) return undefined;
  const sets = filesIn(path).filter(isIdxImages);
  const others = sets.filter((set) => !isTraining(set));
  return others.length === 1 && sets.length === 2 ? others[0] : undefined;
}

function readIdxImages(path: string, name: string, size: ImageSize): RawImages {
  const { shape, data } = readIdx(path);
  const beside = labelsBeside(path);
  const labels = readIdx(beside);
  const [count = 0, height = 0, width = 0, channels = 1] = shape;
  if (labels.shape.length !== 1 || labels.shape[0] !== count)
    fail(
      "bad-data",
      `\`${path}\` has ${count} pictures, and \`${beside}\` has [${labels.shape.join(", ")}] labels`,
      undefined,
      beside,
    );
  checkSize(path, name, { height, width, channels }, size);
  return { pixels: data, shape: [count, height, width, channels], labels: Array.from(labels.data, String) };
}
