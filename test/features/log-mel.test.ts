/** Sound → Whisper's features: the closed form of the filters, Fourier's laws, and PyTorch's numbers for a chirp. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPowerSpectrum, createTransform } from "../../cli/features/fourier.js";
import type { LogMel } from "../../cli/features/log-mel.js";
import { logMel, powerSpectra } from "../../cli/features/log-mel.js";
import { hertzOf, melEdges, melFilters, melOf } from "../../cli/features/mel.js";
import { resample } from "../../cli/features/resample.js";

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, x) => total + x, 0);
const tone = (hertz: number, rate: number, length: number): Float32Array =>
  Float32Array.from({ length }, (_, n) => Math.sin((2 * Math.PI * hertz * n) / rate));

describe("fourier", () => {
  const frames = fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 60 });

  test("the definition, at any size", () => {
    fc.assert(
      fc.property(frames, (x) => {
        const power = createPowerSpectrum(x.length)(Float64Array.from(x));
        power.forEach((value, f) => {
          const part = (wave: (angle: number) => number): number =>
            sum(x.map((v, t) => v * wave((2 * Math.PI * f * t) / x.length)));
          expect(value).toBeCloseTo(part(Math.cos) ** 2 + part(Math.sin) ** 2, 8);
        });
      }),
    );
  });

  test("Parseval: the power of all frequencies is n times that of the samples", () => {
    fc.assert(
      fc.property(frames, (x) => {
        const { re, im } = createTransform(x.length)({
          re: Float64Array.from(x),
          im: new Float64Array(x.length),
        });
        const total = sum(re.map((v) => v * v)) + sum(im.map((v) => v * v));
        expect(total).toBeCloseTo(x.length * sum(x.map((v) => v * v)), 6);
      }),
    );
  });
});

describe("mel", () => {
  test("200/3 Hz each below 1 kHz, 27 to a factor of 6.4 above", () => {
    expect([0, 60, 200, 1000, 6400].map(melOf)).toEqual(
      [0, 0.9, 3, 15, 42].map((m) => expect.closeTo(m, 12)),
    );
    for (const hertz of [1, 440, 999, 1000, 1001, 7999]) expect(hertzOf(melOf(hertz))).toBeCloseTo(hertz, 9);
  });

  test.each([80, 128, 13])("%i triangles of area 1 that add up to one between the outer peaks", (bands) => {
    const [highest, bins] = [8000, 16001];
    const edges = melEdges(bands, highest);
    const filters = melFilters(bands, bins, highest);
    for (const filter of filters) expect(sum(filter) * (highest / (bins - 1))).toBeCloseTo(1, 3);
    for (let f = Math.ceil(edges[1]! * 2); f <= edges[bands]! * 2; f += 97) {
      const heights = filters.map((filter, n) => (filter[f]! * (edges[n + 2]! - edges[n]!)) / 2);
      expect(sum(heights)).toBeCloseTo(1, 9);
    }
  });

  test("the first numbers of the filters that Whisper ships", () => {
    const [first, second] = melFilters(80, 201, 8000) as [Float64Array, Float64Array];
    expect(first[1]).toBeCloseTo(0.02486259, 8);
    expect(second[1]).toBeCloseTo(0.00199082, 8);
    expect(first[2]).toBe(0);
  });
});

describe("log-mel", () => {
  const whisper: LogMel = { rate: 16000, bands: 80, frames: 40, hop: 160, window: 400 };
  const at = (values: Float32Array, band: number, frame: number): number => values[band * 40 + frame]!;

  test.each([440, 1000, 3300, 7000])(
    "a tone of %i Hz lights the band of its pitch, by as much as it may",
    (hertz) => {
      const values = logMel(tone(hertz, 16000, 6400), whisper);
      const edges = melEdges(80, 8000);
      const column = Array.from({ length: 80 }, (_, band) => at(values, band, 20));
      const loudest = column.indexOf(Math.max(...column));
      expect(edges[loudest]!).toBeLessThan(hertz);
      expect(edges[loudest + 2]!).toBeGreaterThan(hertz);
      expect(Math.max(...values) - Math.min(...values)).toBeCloseTo(2, 6);
    },
  );

  test("silence is the floor everywhere; ten times louder is 0.5 more", () => {
    expect(new Set(logMel(new Float32Array(6400), whisper))).toEqual(new Set([-1.5]));
    const [quiet, loud] = [0.01, 0.1].map((volume) =>
      logMel(
        tone(500, 16000, 6400).map((x) => volume * x),
        whisper,
      ),
    );
    quiet!.forEach((value, n) => {
      expect(loud![n]! - value).toBeCloseTo(0.5, 5);
    });
  });

  test("sounds are cut, padded with silence, and mirrored at both ends", () => {
    const long = tone(700, 16000, 9000);
    expect(logMel(long, whisper)).toEqual(logMel(long.slice(0, 6400), whisper));
    const short = long.slice(0, 3000);
    const padded = new Float32Array(6400);
    padded.set(short);
    expect(logMel(short, whisper)).toEqual(logMel(padded, whisper));
    // The first window is even around its middle: its transform is that of the cosines alone.
    const [first] = powerSpectra(long, whisper) as [Float64Array];
    const window = Array.from(
      { length: 400 },
      (_, n) => (0.5 - 0.5 * Math.cos(n * (Math.PI / 200))) * long[Math.abs(n - 200)]!,
    );
    first.forEach((power, f) => {
      const cosine = sum(window.map((v, n) => v * Math.cos((2 * Math.PI * f * (n - 200)) / 400)));
      expect(power).toBeCloseTo(cosine ** 2, 6);
    });
  });

  const { log_mel: cases } = JSON.parse(readFileSync("test/reference/features.json", "utf8")) as {
    log_mel: readonly {
      bands: number;
      frames: number;
      length: number;
      values: readonly (readonly number[])[];
    }[];
  };
  test.each(cases)("PyTorch's numbers: $bands bands, $frames frames of $length samples", (wanted) => {
    const { bands, frames, length } = wanted;
    const chirp = Float32Array.from(
      { length },
      (_, n) => 0.4 * Math.sin((2 * Math.PI * n * (200 + n / 4)) / 16000) + 0.05 * Math.sin(n * n * 0.37),
    );
    const values = logMel(chirp, { ...whisper, bands, frames });
    wanted.values.flat().forEach((value, n) => {
      expect(Math.abs(values[n]! - value)).toBeLessThan(1e-6);
    });
  });
});

describe("resample", () => {
  test.each([
    [44100, 16000],
    [48000, 16000],
    [8000, 16000],
    [22050, 16000],
  ])("%i to %i Hz: a tone is the same tone, one beyond the band is gone", (from, to) => {
    const sound = resample(tone(1000, from, from / 4), from, to);
    expect(sound.length).toBe(Math.ceil(to / 4));
    const wanted = tone(1000, to, sound.length);
    for (let n = 300; n < sound.length - 300; n++)
      expect(Math.abs(sound[n]! - wanted[n]!)).toBeLessThan(2e-5);
    if (from / 2 <= 9000) return;
    const gone = resample(tone(9000, from, from / 4), from, to);
    expect(Math.max(...gone.slice(300, -300).map(Math.abs))).toBeLessThan(1e-5);
  });

  test("one rate, one sound", () => {
    const sound = tone(300, 16000, 50);
    expect(resample(sound, 16000, 16000)).toBe(sound);
  });
});
