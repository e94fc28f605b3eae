/**
 * Samples → Whisper's features: how loud each band is in each hundredth of a second.
 *
 *   480,000 samples at 16 kHz   →   [80, 3000], most of it between -1 and 1
 *
 * The sound is cut, or padded with silence, to a whole number of frames. Each frame is a window of `window` samples around its
 * place; before the first sample and behind the last the sound is mirrored.
 */
import { createPowerSpectrum } from "./fourier.js";
import { melFilters } from "./mel.js";

export interface LogMel {
  readonly rate: number;
  readonly bands: number;
  readonly frames: number;
  /** Samples from frame to frame, and in one. */
  readonly hop: number;
  readonly window: number;
}

const floor = 1e-10;
/** Nothing counts that is quieter than the loudest by more than this power of ten. */
const range = 8;

/** [bands, frames]. */
export function logMel(samples: Float32Array, settings: LogMel): Float32Array {
  const { bands, frames, window } = settings;
  const filters = melFilters(bands, (window >> 1) + 1, settings.rate / 2).map(support);
  const spectra = powerSpectra(samples, settings);
  const result = new Float32Array(bands * frames);
  let loudest = Math.log10(floor);
  filters.forEach(({ first, weights }, band) => {
    spectra.forEach((power, frame) => {
      let sum = 0;
      for (let n = 0; n < weights.length; n++) sum += weights[n]! * power[first + n]!;
      const value = Math.log10(Math.max(sum, floor));
      loudest = Math.max(loudest, value);
      result[band * frames + frame] = value;
    });
  });
  return result.map((value) => (Math.max(value, loudest - range) + 4) / 4);
}

/** Where a triangle is not 0. */
function support(filter: Float64Array): { readonly first: number; readonly weights: Float64Array } {
  let [first, end] = [0, filter.length];
  while (first < end && filter[first] === 0) first++;
  while (end > first && filter[end - 1] === 0) end--;
  return { first, weights: filter.slice(first, end) };
}

export function powerSpectra(
  samples: Float32Array,
  { frames, hop, window }: LogMel,
): readonly Float64Array[] {
  const length = frames * hop;
  const power = createPowerSpectrum(window);
  const bell = Float64Array.from({ length: window }, (_, n) => hann(n, window));
  const frame = new Float64Array(window);
  return Array.from({ length: frames }, (_, number) => {
    const start = number * hop - (window >> 1);
    for (let n = 0; n < window; n++) frame[n] = bell[n]! * (samples[mirrored(start + n, length)] ?? 0);
    return power(frame);
  });
}

/** Periodic: it would be 0 again at `window`. */
const hann = (n: number, window: number): number => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / window);

/** The first and the last sample are not repeated. */
function mirrored(at: number, length: number): number {
  const period = 2 * (length - 1);
  if (period === 0) return 0;
  const place = ((at % period) + period) % period;
  return place < length ? place : period - place;
}
