/**
 * A folder's preprocessor_config.json → what is done to sounds or pictures before the model sees them.
 *
 *   { "feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 80, … }   →   kind "sound", 80 bands, 3000 frames at 16 kHz
 *   { "image_processor_type": "ViTImageProcessor", "size": { "height": 224, … }, … }  →   kind "picture", 224 × 224, (x / 255 - 0.5) / 0.5
 *
 * A setting that changes the numbers and is not understood is an error that names it. Whisper's file may be missing: its
 * features follow from config.json.
 */
import { join } from "node:path";
import { fail } from "../failure.js";
import { exists, limits, readText } from "../files.js";
import type { LogMel } from "./log-mel.js";
import type { Settings } from "./settings.js";
import { createSettings } from "./settings.js";

export type Extractor =
  | ({ readonly kind: "sound" } & LogMel)
  | ({ readonly kind: "picture" } & PictureSettings);

export interface PictureSettings {
  /** Both sides, or the shorter one with the other in proportion. */
  readonly size: Sides | { readonly shorter: number } | undefined;
  readonly resample: number;
  readonly crop: Sides | undefined;
  readonly scale: number;
  /** One number a channel. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

export interface Sides {
  readonly height: number;
  readonly width: number;
}

const file = "preprocessor_config.json";

export function readExtractor(folder: string): Extractor {
  const settings = settingsIn(folder, file) ?? nested(folder);
  if (settings) return extractorOf(settings);
  const config = settingsIn(folder, "config.json");
  if (config?.optionalText("model_type") === "whisper") return soundByConfig(config);
  return fail(
    "missing-file",
    `\`${folder}\` has no ${file}: how sounds or pictures become the model's inputs is not said`,
    "it stands beside the config.json of the published model, and `tfmc import` copies it",
    folder,
  );
}

function settingsIn(folder: string, name: string): Settings | undefined {
  const path = join(folder, name);
  return exists(path) ? createSettings(readText(path, limits.model), path) : undefined;
}

/** Newer folders have one file for the tokenizer's and the extractor's settings. */
function nested(folder: string): Settings | undefined {
  const whole = settingsIn(folder, "processor_config.json");
  return whole?.part("image_processor") ?? whole?.part("feature_extractor");
}

function extractorOf(settings: Settings): Extractor {
  const type =
    settings.optionalText("image_processor_type") ?? settings.optionalText("feature_extractor_type") ?? "";
  switch (type.replace(/Fast$/, "")) {
    case "WhisperFeatureExtractor":
      return sound(settings);
    case "ViTImageProcessor":
    case "ViTFeatureExtractor":
      return picture(settings, 2, false);
    case "CLIPImageProcessor":
    case "CLIPFeatureExtractor":
      return picture(settings, 3, true);
    default:
      return settings.refuse(
        `is for \`${type}\``,
        "known are WhisperFeatureExtractor, ViTImageProcessor and CLIPImageProcessor",
      );
  }
}

function sound(settings: Settings): Extractor {
  for (const name of ["do_normalize", "dither", "padding_value"])
    if (settings.value(name)) settings.refuse(`sets \`${name}\`, which tfmc does not do`);
  const rate = settings.number("sampling_rate", 16000);
  const hop = settings.number("hop_length", 160);
  return {
    kind: "sound",
    rate,
    hop,
    bands: settings.number("feature_size", 80),
    window: settings.number("n_fft", 400),
    frames: Math.floor((settings.number("chunk_length", 30) * rate) / hop),
  };
}

/** The second convolution halves the frames. */
const soundByConfig = (config: Settings): Extractor => ({
  kind: "sound",
  rate: 16000,
  hop: 160,
  window: 400,
  bands: config.number("num_mel_bins", 80),
  frames: 2 * config.number("max_source_positions", 1500),
});

function picture(settings: Settings, resample: number, crops: boolean): Extractor {
  const when = (name: string, otherwise: boolean): boolean => settings.flag(name, otherwise);
  return {
    kind: "picture",
    size: when("do_resize", true) ? sizeOf(settings, crops) : undefined,
    resample: settings.number("resample", resample),
    crop: when("do_center_crop", crops) ? sidesOf(settings, "crop_size") : undefined,
    scale: when("do_rescale", true) ? settings.number("rescale_factor", 1 / 255) : 1,
    mean: when("do_normalize", true) ? settings.numbers("image_mean") : [0],
    deviation: settings.flag("do_normalize", true) ? settings.numbers("image_std") : [1],
  };
}

/** One number is both sides, for models that crop afterwards the shorter one. */
function sizeOf(settings: Settings, crops: boolean): Sides | { readonly shorter: number } {
  const size = settings.value("size");
  const shorter = settings.part("size")?.value("shortest_edge");
  if (typeof shorter === "number") return { shorter };
  return crops && typeof size === "number" ? { shorter: size } : sidesOf(settings, "size");
}

function sidesOf(settings: Settings, name: string): Sides {
  const size = settings.value(name);
  const [height, width] =
    typeof size === "number"
      ? [size, size]
      : [settings.part(name)?.value("height"), settings.part(name)?.value("width")];
  if (typeof height === "number" && typeof width === "number") return { height, width };
  return settings.refuse(`has no height and width as \`${name}\``);
}
