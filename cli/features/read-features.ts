/**
 * Sounds or pictures → the tensor that the folder's model takes of them, one row a file.
 *
 *   readFeatures("whisper", ["a.wav", "b.wav"])   →   input_features [2, 80, 3000]
 *   readFeatures("vit", ["cat.png"])              →   pixel_values [1, 3, 224, 224]
 */
import { extname } from "node:path";
import type { Tensor } from "../../runtime/tensor.js";
import { tensor } from "../../runtime/tensor.js";
import type { Context } from "../context.js";
import { note } from "../context.js";
import { readPicture } from "../data/read-png.js";
import { fail } from "../failure.js";
import { limits, readBytes } from "../files.js";
import type { Extractor } from "./extractor.js";
import { readExtractor } from "./extractor.js";
import type { LogMel } from "./log-mel.js";
import { logMel } from "./log-mel.js";
import { pixelValues } from "./pixel-values.js";
import { resample } from "./resample.js";
import { readWav } from "./wav.js";

export const isFeatureFile = (path: string): boolean =>
  [".wav", ".png"].includes(extname(path).toLowerCase());

export function readFeatures(
  context: Context,
  folder: string,
  paths: readonly string[],
): Readonly<Record<string, Tensor>> {
  const extractor = readExtractor(folder);
  for (const path of paths) checkKind(extractor, path);
  const all = paths.map((path) => featuresOf(context, extractor, path));
  const [first] = all as [Features];
  const other = all.findIndex(({ shape }) => shape.join() !== first.shape.join());
  if (other > 0)
    fail(
      "bad-data",
      `\`${paths[other]}\` is ${all[other]!.shape.join(" × ")} and \`${paths[0]}\` is ${first.shape.join(" × ")}`,
      "files of one batch have one size",
      paths[other],
    );
  const data = new Float32Array(first.data.length * all.length);
  all.forEach((features, n) => {
    data.set(features.data, n * first.data.length);
  });
  return { [first.name]: tensor(data, [all.length, ...first.shape]) };
}

interface Features {
  readonly name: "input_features" | "pixel_values";
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const extensions = { sound: ".wav", picture: ".png" } as const;

function checkKind({ kind }: Extractor, path: string): void {
  if (extname(path).toLowerCase() === extensions[kind]) return;
  fail(
    "bad-data",
    `the model takes ${kind === "sound" ? "sounds" : "pictures"}, and \`${path}\` is no ${extensions[kind]} file`,
    undefined,
    path,
  );
}

function featuresOf(context: Context, extractor: Extractor, path: string): Features {
  switch (extractor.kind) {
    case "sound":
      return soundFeatures(context, extractor, path);
    case "picture": {
      const { shape, data } = pixelValues(readPicture(path, 3), extractor, path);
      return { name: "pixel_values", shape, data };
    }
    default:
      return extractor satisfies never;
  }
}

function soundFeatures(context: Context, settings: LogMel, path: string): Features {
  const { rate, samples } = readWav(readBytes(path, limits.text), path);
  if (rate !== settings.rate)
    note(context, `\`${path}\` has ${rate} samples per second; it is resampled to ${settings.rate}`);
  const sound = resample(samples, rate, settings.rate);
  const whole = (settings.frames * settings.hop) / settings.rate;
  const seconds = sound.length / settings.rate;
  if (seconds > whole)
    note(context, `\`${path}\` lasts ${seconds.toFixed(1)} s; the model hears its first ${whole} s`);
  return {
    name: "input_features",
    shape: [settings.bands, settings.frames],
    data: logMel(sound, settings),
  };
}
