/**
 * erf as printed in kernels: two polynomials (`scripts/erf-coefficients.mjs` derives them).
 *
 * ```
 * |x| < 1: x · near(x²)      else: 1 − exp(−x²) · far(1 / (1 + x/2))      absolute error below 2e-7 in f32
 * ```
 */
export const erfNear: readonly number[] = [
  1.1283791065216064, -0.3761262595653534, 0.11283594369888306, -0.02685421146452427, 0.005189087241888046,
  -0.000801686430349946, 0.00007875874871388078,
];
export const erfFar: readonly number[] = [
  -0.00020594956004060805, 0.2856462299823761, 0.2552688717842102, 0.3624630868434906, -0.13255251944065094,
  0.5972687602043152, -0.49321457743644714, 0.1254105567932129,
];

/** Horner's scheme as text, right in WGSL and in JavaScript. */
export const horner = (coefficients: readonly number[], x: string): string =>
  coefficients
    .slice(0, -1)
    .reduceRight((inner, c) => `(${inner} * ${x} + ${literal(c)})`, literal(coefficients.at(-1)!));

/** A decimal point, so that WGSL reads a float. */
export function literal(value: number): string {
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
