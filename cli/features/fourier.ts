/**
 * n numbers → their power at each frequency, |Σ_t x_t e^(-2πi f t / n)|² for f from 0 to n / 2; n is any size.
 *
 *   [1, 1, 1, 1]   →   [16, 0, 0]
 *
 * Stockham's self-sorting transform, a stage for each prime factor of n.
 */
export function createPowerSpectrum(size: number): (frame: Float64Array) => Float64Array {
  const transform = createTransform(size);
  return (frame) => {
    const { re, im } = transform({ re: Float64Array.from(frame), im: new Float64Array(size) });
    return Float64Array.from({ length: (size >> 1) + 1 }, (_, f) => re[f]! ** 2 + im[f]! ** 2);
  };
}

interface Complex {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Overwrites what it is given. */
export function createTransform(size: number): (x: Complex) => Complex {
  const turns = Array.from({ length: size }, (_, n) => (-2 * Math.PI * n) / size);
  const roots = { re: Float64Array.from(turns, Math.cos), im: Float64Array.from(turns, Math.sin) };
  const factors = primeFactors(size);
  const spare = { re: new Float64Array(size), im: new Float64Array(size) };
  return (x) => {
    let [from, to]: readonly [Complex, Complex] = [x, spare];
    let stride = 1;
    for (const factor of factors) {
      stage(from, to, roots, stride, factor);
      [from, to] = [to, from];
      stride *= factor;
    }
    return from;
  };
}

function stage(from: Complex, to: Complex, roots: Complex, stride: number, factor: number): void {
  const size = from.re.length;
  const rest = size / (stride * factor);
  for (let j = 0; j < rest; j++)
    for (let u = 0; u < factor; u++)
      for (let q = 0; q < stride; q++) {
        let [re, im] = [0, 0];
        for (let v = 0; v < factor; v++) {
          // The small transform's root and the turn of its result, as one.
          const root = (((size / factor) * v + stride * j) * u) % size;
          const at = q + stride * (j + rest * v);
          re += from.re[at]! * roots.re[root]! - from.im[at]! * roots.im[root]!;
          im += from.re[at]! * roots.im[root]! + from.im[at]! * roots.re[root]!;
        }
        to.re[q + stride * (factor * j + u)] = re;
        to.im[q + stride * (factor * j + u)] = im;
      }
}

function primeFactors(size: number): readonly number[] {
  const factors: number[] = [];
  let rest = size;
  for (let p = 2; rest > 1; p++) for (; rest % p === 0; rest /= p) factors.push(p);
  return factors;
}
