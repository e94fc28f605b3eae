/**
 * The error function to double precision: its Maclaurin series below 2.5, a continued fraction for 1 - erf above.
 *
 * erf x = 2/√π · e^(-x²) · Σₙ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!      (all terms positive: no cancellation)
 * erfc x = e^(-x²)/√π · 1/(x + ½/(x + 1/(x + 3⁄2/(x + …))))   (DLMF 7.6.2, 7.9.1)
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const size = Math.abs(x);
  const y = size < 2.5 ? series(size) : size < 6 ? 1 - fraction(size) : 1;
  return x < 0 ? -y : y;
}

function series(x: number): number {
  if (x === 0) return 0;
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

function fraction(x: number): number {
  let tail = x;
  for (let n = 120; n >= 1; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}
