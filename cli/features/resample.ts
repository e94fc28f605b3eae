/**
 * Samples at one rate → the same sound at another.
 *
 *   44,100 Hz → 16,000 Hz: each new sample is a mean of the old ones within 4.2 ms, weighted by a sinc that ends at 7.6 kHz
 *
 * The ideal low-pass filter under a Kaiser window: 64 zero crossings to each side, what cannot be kept is 120 dB down.
 */
const crossings = 64;
/** The share of the narrower band that is kept whole; the rest is the filter's slope. */
const kept = 0.9475937167399596;
const beta = 14.769656459379492;

export function resample(samples: Float32Array, from: number, to: number): Float32Array {
  if (from === to) return samples;
  const divisor = greatestDivisor(from, to);
  const [down, up] = [from / divisor, to / divisor];
  const cutoff = kept * Math.min(1, to / from);
  const reach = Math.ceil(crossings / cutoff);
  const phases = Array.from({ length: up }, (_, phase) => weights(phase / up, cutoff, reach));
  const result = new Float32Array(Math.ceil((samples.length * up) / down));
  for (let n = 0; n < result.length; n++) {
    const place = n * down;
    const first = Math.floor(place / up) - reach;
    const phase = phases[place % up]!;
    let sum = 0;
    for (let k = Math.max(0, -first); k < phase.length && first + k < samples.length; k++)
      sum += samples[first + k]! * phase[k]!;
    result[n] = sum;
  }
  return result;
}

/** Of the samples from `reach` before to `reach` after the one that the wanted place follows by `fraction`. */
function weights(fraction: number, cutoff: number, reach: number): Float64Array {
  return Float64Array.from({ length: 2 * reach + 1 }, (_, k) => {
    const away = (k - reach - fraction) * cutoff;
    return cutoff * sinc(away) * kaiser(away / crossings);
  });
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const kaiser = (x: number): number =>
  Math.abs(x) >= 1 ? 0 : bessel(beta * Math.sqrt(1 - x * x)) / bessel(beta);

/** I₀, by its power series. */
function bessel(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));
