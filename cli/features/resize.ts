/**
 * A picture → one of another size: each new pixel is a weighted mean of the old ones around its place.
 *
 *   [0, 255] one high, to [1, 4], bilinear   →   [0, 64, 191, 255]
 *
 * As the Python Imaging Library does it, which the published models were trained with: the filter is stretched where the picture
 * shrinks, weights are multiples of 2⁻²², rows come first, and both steps end in bytes.
 */
export interface Picture {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** [height, width, channels]. */
  readonly pixels: Uint8Array;
}

export interface Kernel {
  /** It is 0 from here on. */
  readonly reach: number;
  readonly at: (x: number) => number;
}

const cubic = -0.5;

/** By the numbers that a `resample` of preprocessor_config.json is. */
export const kernels: ReadonlyMap<number, Kernel> = new Map([
  [1, { reach: 3, at: (x: number): number => sinc(x) * sinc(x / 3) }],
  [2, { reach: 1, at: (x: number): number => 1 - x }],
  [3, { reach: 2, at: (x: number): number => (x < 1 ? inner(x) : outer(x)) }],
]);

const inner = (x: number): number => ((cubic + 2) * x - (cubic + 3)) * x * x + 1;
const outer = (x: number): number => (((x - 5) * x + 8) * x - 4) * cubic;
const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

export function resize(picture: Picture, height: number, width: number, kernel: Kernel): Picture {
  const wide = width === picture.width ? picture : stretched(picture, width, kernel);
  if (height === picture.height) return wide;
  return turned(stretched(turned(wide), height, kernel));
}

/** Rows become `width` long. */
function stretched(
  { height, width: before, channels, pixels }: Picture,
  width: number,
  kernel: Kernel,
): Picture {
  const all = Array.from({ length: width }, (_, n) => weightsOf(n, before, width, kernel));
  const result = new Uint8ClampedArray(height * width * channels);
  for (let row = 0; row < height; row++)
    all.forEach(({ first, weights }, n) => {
      for (let c = 0; c < channels; c++) {
        let sum = 2 ** (precision - 1);
        for (let k = 0; k < weights.length; k++)
          sum += weights[k]! * pixels[(row * before + first + k) * channels + c]!;
        result[(row * width + n) * channels + c] = Math.floor(sum / 2 ** precision);
      }
    });
  return { height, width, channels, pixels: new Uint8Array(result.buffer) };
}

const precision = 22;

function weightsOf(
  n: number,
  before: number,
  after: number,
  { reach, at }: Kernel,
): { readonly first: number; readonly weights: readonly number[] } {
  const scale = before / after;
  const stretch = Math.max(scale, 1);
  const centre = (n + 0.5) * scale;
  const first = Math.max(0, Math.trunc(centre - reach * stretch + 0.5));
  const end = Math.min(before, Math.trunc(centre + reach * stretch + 0.5));
  const raw = Array.from({ length: end - first }, (_, k) => {
    const x = Math.abs((first + k - centre + 0.5) / stretch);
    return x < reach ? at(x) : 0;
  });
  const sum = raw.reduce((total, w) => total + w, 0);
  return { first, weights: raw.map((w) => roundAway((w / sum) * 2 ** precision)) };
}

const roundAway = (x: number): number => Math.sign(x) * Math.floor(Math.abs(x) + 0.5);

/** Columns as rows. */
function turned({ height, width, channels, pixels }: Picture): Picture {
  const result = new Uint8Array(pixels.length);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      for (let c = 0; c < channels; c++)
        result[(column * height + row) * channels + c] = pixels[(row * width + column) * channels + c]!;
  return { height: width, width: height, channels, pixels: result };
}
