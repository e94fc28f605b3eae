/** WAV and PNG files and a folder's settings → the inputs of its model, or what is wrong with them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PNG } from "pngjs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readExtractor } from "../../cli/features/extractor.js";
import { pixelValues } from "../../cli/features/pixel-values.js";
import { kernels, resize } from "../../cli/features/resize.js";
import { readWav } from "../../cli/features/wav.js";
import { run } from "../../cli/program.js";
import { readSafetensors, toFloat32 } from "../../runtime/safetensors.js";
import { createTestHost } from "../cli/host.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-features-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Wav {
  readonly code?: number;
  readonly channels?: number;
  readonly rate?: number;
  readonly bits: number;
  readonly data: Uint8Array;
  readonly extensible?: boolean;
  readonly before?: boolean;
}

function wav({
  code = 1,
  channels = 1,
  rate = 16000,
  bits,
  data,
  extensible = false,
  before = false,
}: Wav): Uint8Array {
  const chunk = (name: string, body: Uint8Array): Buffer => {
    const head = Buffer.from(`${name}\0\0\0\0`, "latin1");
    head.writeUInt32LE(body.length, 4);
    return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
  };
  const header = Buffer.alloc(extensible ? 40 : 16);
  header.writeUInt16LE(extensible ? 0xfffe : code, 0);
  header.writeUInt16LE(channels, 2);
  header.writeUInt32LE(rate, 4);
  header.writeUInt32LE((rate * channels * bits) / 8, 8);
  header.writeUInt16LE((channels * bits) / 8, 12);
  header.writeUInt16LE(bits, 14);
  if (extensible) header.writeUInt16LE(code, 24);
  const chunks = [
    ...(before ? [chunk("LIST", Buffer.from("odd"))] : []),
    chunk("fmt ", header),
    chunk("data", data),
  ];
  return Buffer.concat([Buffer.from("RIFF\0\0\0\0WAVE", "latin1"), ...chunks]);
}

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
const sixteen = (...values: readonly number[]): Uint8Array => new Uint8Array(Int16Array.from(values).buffer);

describe("wav", () => {
  test.each<[string, Wav, readonly number[]]>([
    ["8 bits", { bits: 8, data: bytes(0, 128, 192) }, [-1, 0, 0.5]],
    ["16 bits", { bits: 16, data: sixteen(-32768, 0, 16384) }, [-1, 0, 0.5]],
    ["24 bits", { bits: 24, data: bytes(0, 0, 0x80, 1, 0, 0, 0, 0, 0x40) }, [-1, 2 ** -23, 0.5]],
    ["32 bits", { bits: 32, data: new Uint8Array(Int32Array.of(-(2 ** 31), 2 ** 30).buffer) }, [-1, 0.5]],
    ["float", { code: 3, bits: 32, data: new Uint8Array(Float32Array.of(-1.5, 0.25).buffer) }, [-1.5, 0.25]],
    ["double", { code: 3, bits: 64, data: new Uint8Array(Float64Array.of(-1, 0.25).buffer) }, [-1, 0.25]],
    ["extensible", { bits: 16, extensible: true, data: sixteen(16384) }, [0.5]],
    ["two channels", { bits: 16, channels: 2, data: sixteen(16384, 0, -32768, -32768) }, [0.25, -1]],
    ["another chunk of odd length first", { bits: 16, before: true, data: sixteen(16384) }, [0.5]],
  ])("%s", (_, file, samples) => {
    expect(readWav(wav({ ...file, rate: 8000 }), "a.wav")).toEqual({
      rate: 8000,
      samples: Float32Array.from(samples),
    });
  });

  test("a writer that did not know the length", () => {
    const file = Buffer.from(wav({ bits: 16, data: sixteen(16384, 8192) }));
    for (const length of [0, 0xffffffff]) {
      file.writeUInt32LE(length, file.length - 8);
      expect(Array.from(readWav(file, "a.wav").samples)).toEqual([0.5, 0.25]);
    }
  });

  test.each<[string, Uint8Array, RegExp]>([
    ["no WAV", Buffer.from("OggS and so on"), /does not start as a WAV file/],
    [
      "compressed",
      wav({ code: 7, bits: 8, data: bytes(1) }),
      /format 7 with 8 bits, which tfmc does not read/,
    ],
    ["no samples", wav({ bits: 16, data: bytes() }).slice(0, 36), /holds no samples/],
    ["no channels", wav({ bits: 16, channels: 0, data: sixteen(1) }), /0 channels/],
  ])("%s", (_, file, message) => {
    expect(() => readWav(file, "a.wav")).toThrow(message);
  });
});

describe("resize", () => {
  interface Case {
    readonly height: number;
    readonly width: number;
    readonly to: readonly [number, number];
    readonly mode: "bilinear" | "bicubic";
    readonly values: readonly (readonly number[])[];
  }
  const { resize: cases } = JSON.parse(readFileSync("test/reference/features.json", "utf8")) as {
    resize: Case[];
  };

  test.each(cases)(
    "PyTorch's numbers to the next byte: $height × $width to $to, $mode",
    ({ height, width, to, mode, values }) => {
      const pixels = Uint8Array.from({ length: height * width }, (_, n) => {
        const [r, c] = [Math.floor(n / width), n % width];
        return 64 + ((37 * r * r + 91 * c + 13 * r * c) % 128);
      });
      const kernel = kernels.get(mode === "bilinear" ? 2 : 3)!;
      const result = resize({ height, width, channels: 1, pixels }, ...to, kernel);
      expect([result.height, result.width]).toEqual(to);
      // Each of the two steps rounds; bicubic weights add up to a little more than one in size.
      values.flat().forEach((value, n) => {
        expect(Math.abs(result.pixels[n]! - value)).toBeLessThan(mode === "bilinear" ? 1.01 : 1.3);
      });
    },
  );

  test("one colour stays, channels do not mix, the same size is the same picture", () => {
    const pixels = Uint8Array.from({ length: 5 * 4 * 3 }, (_, n) => [7, 99, 255][n % 3]!);
    for (const kernel of kernels.values()) {
      const { pixels: result } = resize({ height: 5, width: 4, channels: 3, pixels }, 3, 9, kernel);
      expect(Array.from(result)).toEqual(Array.from({ length: 81 }, (_, n) => [7, 99, 255][n % 3]!));
    }
    const picture = { height: 5, width: 4, channels: 3, pixels };
    expect(resize(picture, 5, 4, kernels.get(2)!)).toBe(picture);
  });

  test("by hand", () => {
    const picture = { height: 1, width: 2, channels: 1, pixels: bytes(0, 255) };
    expect(Array.from(resize(picture, 1, 4, kernels.get(2)!).pixels)).toEqual([0, 64, 191, 255]);
  });
});

describe("settings of a folder", () => {
  const save = (settings: unknown, name = "preprocessor_config.json"): void =>
    writeFileSync(join(folder, name), JSON.stringify(settings));
  const vit = {
    image_processor_type: "ViTImageProcessor",
    do_resize: true,
    size: { height: 2, width: 4 },
    resample: 2,
    image_mean: [0.5, 0.25, 0],
    image_std: [0.5, 0.5, 1],
  };

  test("whisper's, and what follows from its config.json", () => {
    save({ feature_extractor_type: "WhisperFeatureExtractor", feature_size: 128, chunk_length: 30 });
    const sound = { kind: "sound", rate: 16000, hop: 160, window: 400, bands: 128, frames: 3000 };
    expect(readExtractor(folder)).toEqual(sound);
    rmSync(join(folder, "preprocessor_config.json"));
    save({ model_type: "whisper", num_mel_bins: 8, max_source_positions: 16 }, "config.json");
    expect(readExtractor(folder)).toEqual({ ...sound, bands: 8, frames: 32 });
  });

  test("pixel values: resized, scaled, normalised by channel, channels first", () => {
    save(vit);
    const extractor = readExtractor(folder);
    if (extractor.kind !== "picture") throw new Error("a picture is wanted");
    const pixels = Uint8Array.from({ length: 2 * 4 * 3 }, (_, n) => n * 10);
    const { shape, data } = pixelValues({ height: 2, width: 4, channels: 3, pixels }, extractor, "a.png");
    expect(shape).toEqual([3, 2, 4]);
    expect(data[0]).toBeCloseTo(-1, 6);
    expect(data[8]).toBeCloseTo((10 / 255 - 0.25) / 0.5, 6);
    expect(data[23]).toBeCloseTo(230 / 255, 6);
  });

  test("clip: the shorter side, bicubic, and the middle of it", () => {
    save({
      feature_extractor_type: "CLIPFeatureExtractor",
      size: 6,
      crop_size: 4,
      image_mean: [0],
      image_std: [1],
    });
    const extractor = readExtractor(folder);
    if (extractor.kind !== "picture") throw new Error("a picture is wanted");
    expect(extractor).toMatchObject({ size: { shorter: 6 }, resample: 3, crop: { height: 4, width: 4 } });
    const pixels = Uint8Array.from({ length: 6 * 9 }, (_, n) => n);
    const { shape, data } = pixelValues({ height: 6, width: 9, channels: 1, pixels }, extractor, "a.png");
    expect(shape).toEqual([1, 4, 4]);
    expect(Array.from(data, (x) => Math.round(x * 255))).toEqual(
      [1, 2, 3, 4].flatMap((r) => [2, 3, 4, 5].map((c) => 9 * r + c)),
    );
  });

  test.each<[string, unknown, RegExp]>([
    ["an unknown extractor", { image_processor_type: "DonutImageProcessor" }, /is for `DonutImageProcessor`/],
    [
      "a normalised sound",
      { feature_extractor_type: "WhisperFeatureExtractor", do_normalize: true },
      /sets `do_normalize`/,
    ],
    ["no mean", { ...vit, image_mean: undefined }, /has no `image_mean`; it is a list of numbers/],
    ["no number", { ...vit, resample: "bilinear" }, /has another `resample`; it is a number/],
    ["a longest edge", { ...vit, size: { longest_edge: 4 } }, /has no height and width as `size`/],
  ])("%s is refused", (_, settings, message) => {
    save(settings);
    expect(() => readExtractor(folder)).toThrow(message);
  });

  test("a folder without settings", () => {
    expect(() => readExtractor(folder)).toThrow(/has no preprocessor_config.json/);
  });

  const command = async (...argv: readonly string[]): Promise<{ exit: number; err: string }> => {
    const host = createTestHost();
    return { exit: await run(argv, host), err: host.printed.err };
  };
  const output = (): string => join(folder, "inputs.safetensors");
  const written = (name: string): { shape: readonly number[]; data: Float32Array } => {
    const stored = readSafetensors(readFileSync(output())).tensors.get(name)!;
    return { shape: stored.shape, data: toFloat32(stored, name) };
  };

  test("tfmc features of two pictures", async () => {
    save(vit);
    const paths = ["a", "b"].map((name, n) => {
      const png = new PNG({ width: 4, height: 2 });
      png.data.fill(255 * n);
      for (let p = 3; p < png.data.length; p += 4) png.data[p] = 255;
      writeFileSync(join(folder, `${name}.png`), PNG.sync.write(png));
      return join(folder, `${name}.png`);
    });
    expect(await command("features", folder, ...paths, "-o", output())).toMatchObject({ exit: 0 });
    const { shape, data } = written("pixel_values");
    expect(shape).toEqual([2, 3, 2, 4]);
    expect([data[0], data[8], data[16], data[24], data[32], data[40]]).toEqual([-1, -0.5, 0, 1, 1.5, 1]);
    const mixed = await command("features", folder, join(folder, "x.wav"), "-o", output());
    expect(mixed).toMatchObject({ exit: 1 });
    expect(mixed.err).toMatch(/the model takes pictures/);
  });

  test("tfmc features of a sound at another rate", async () => {
    save({ feature_extractor_type: "WhisperFeatureExtractor", feature_size: 8, chunk_length: 1 });
    const samples = Int16Array.from(
      { length: 12000 },
      (_, n) => 8000 * Math.sin((2 * Math.PI * 440 * n) / 8000),
    );
    const path = join(folder, "tone.wav");
    writeFileSync(path, wav({ bits: 16, rate: 8000, data: new Uint8Array(samples.buffer) }));
    const { exit, err } = await command("features", folder, path, "-o", output());
    expect(exit).toBe(0);
    expect(err).toMatch(/8000 samples per second; it is resampled to 16000/);
    expect(err).toMatch(/lasts 1.5 s; the model hears its first 1 s/);
    expect(written("input_features").shape).toEqual([1, 8, 100]);
  });
});
