// Derives the coefficients of erf in the kernels: Chebyshev interpolation in f64, turned into powers, checked in f32.
/** @param {number} x */
const terms = (x) => {
  // Σ 2/√π (−1)ⁿ x²ⁿ⁺¹ / (n! (2n+1)), accurate to 1e-12 below 3 in the scaled form e^(−x²) Σ 2ⁿ x²ⁿ⁺¹ / (1·3·5…).
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
};

/**
 * @param {(x: number) => number} f
 * @param {number} low
 * @param {number} high
 * @param {number} degree
 */
function powers(f, low, high, degree) {
  const count = degree + 1;
  const nodes = Array.from({ length: count }, (_, k) => Math.cos((Math.PI * (k + 0.5)) / count));
  const values = nodes.map((t) => f(((high - low) * t + high + low) / 2));
  const chebyshev = nodes.map((_, j) => {
    const sum = values.reduce((s, v, k) => s + v * Math.cos((Math.PI * j * (k + 0.5)) / count), 0);
    return (sum * (j === 0 ? 1 : 2)) / count;
  });
  // Chebyshev → powers of t → powers of x.
  let [before, now] = [[1], [0, 1]];
  const inT = new Array(count).fill(0);
  chebyshev.forEach((c, j) => {
    const polynomial = j === 0 ? before : now;
    polynomial.forEach((p, n) => {
      inT[n] += c * p;
    });
    if (j > 0) {
      const next = [0, ...now.map((p) => 2 * p)];
      before.forEach((p, n) => {
        next[n] -= p;
      });
      [before, now] = [now, next];
    }
  });
  const [scale, shift] = [2 / (high - low), -(high + low) / (high - low)];
  let result = [0];
  for (const c of [...inT].reverse()) {
    const next = new Array(result.length + 1).fill(0);
    result.forEach((p, n) => {
      next[n] += p * shift;
      next[n + 1] += p * scale;
    });
    next[0] += c;
    result = next;
  }
  return result.slice(0, count);
}

const f = Math.fround;
/** @param {number[]} c @param {number} x */
const horner = (c, x) => [...c].reverse().reduce((s, k) => f(f(s * x) + f(k)), 0);
const near = powers((s) => (s === 0 ? 2 / Math.sqrt(Math.PI) : terms(Math.sqrt(s)) / Math.sqrt(s)), 0, 1, 6);
// erf(x) = 1 − exp(−x²) q(t), t = 1 / (1 + x/2): smooth, and exp(−x²) forgives errors of q.
const far = powers(
  (t) => {
    const x = 2 * (1 / t - 1);
    return (1 - terms(x)) * Math.exp(x * x);
  },
  1 / (1 + 4 / 2),
  1 / 1.5,
  7,
);
console.log({ near: near.map(f), far: far.map(f) });
let worst = 0;
for (let n = 0; n <= 40000; n++) {
  const x = f(n / 10000);
  const t = f(1 / f(1 + f(0.5 * x)));
  const y = x < 1 ? f(x * horner(near, f(x * x))) : f(1 - f(f(Math.exp(f(-x * x))) * horner(far, t)));
  worst = Math.max(worst, Math.abs(y - terms(x)));
}
console.log({ worst });
