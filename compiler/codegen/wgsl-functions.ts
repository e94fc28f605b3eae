/**
 * The functions a kernel uses → their definitions in WGSL, where the language has none or a poor one.
 *
 * ```
 * { "tanh.f32x4" } → fn tanh_(x: f32) -> f32 { … } fn tanh_4(x: vec4<f32>) -> vec4<f32> { … }
 * ```
 */
import { erfFar, erfNear, horner } from "./polynomials.js";

interface Definition {
  readonly operands: 1 | 2;
  readonly scalar: string;
  readonly integer?: string;
}

/** sin and cos are only good in [−π, π] on devices; 2π comes in two parts so that its multiples stay exact. */
const turned = "x - floor(x * 0.15915494f + 0.5f) * 6.28125f - floor(x * 0.15915494f + 0.5f) * 0.0019353072f";

const definitions: Readonly<Record<string, Definition>> = {
  tanh: { operands: 1, scalar: "fn tanh_(x: f32) -> f32 { return tanh(clamp(x, -15.0f, 15.0f)); }" },
  sigmoid: {
    operands: 1,
    scalar:
      "fn sigmoid_(x: f32) -> f32 { let e = exp(-abs(x)); return select(e, 1.0f, x >= 0.0f) / (1.0f + e); }",
  },
  sin: { operands: 1, scalar: `fn sin_(x: f32) -> f32 { return sin(${turned}); }` },
  cos: { operands: 1, scalar: `fn cos_(x: f32) -> f32 { return cos(${turned}); }` },
  erf: {
    operands: 1,
    scalar: [
      "fn erf_(x: f32) -> f32 {",
      "  let a = min(abs(x), 6.0f);",
      "  let s = a * a;",
      "  let t = 1.0f / (1.0f + 0.5f * a);",
      `  let near = a * ${horner(erfNear, "s")};`,
      `  let far = 1.0f - exp(-s) * ${horner(erfFar, "t")};`,
      "  return sign(x) * select(far, near, a < 1.0f);",
      "}",
    ].join("\n"),
  },
  pow: {
    operands: 2,
    scalar: [
      "fn pow_(x: f32, y: f32) -> f32 {",
      "  let p = select(pow(abs(x), y), 1.0f, y == 0.0f);",
      "  return select(p, -p, x < 0.0f && floor(y * 0.5f) * 2.0f != y);",
      "}",
    ].join("\n"),
    integer:
      "fn pow__i(x: i32, y: i32) -> i32 { var p = 1; for (var n = 0; n < y; n++) { p *= x; } return p; }",
  },
  floordiv: {
    operands: 2,
    scalar: "fn floordiv_(x: f32, y: f32) -> f32 { return floor(x / y); }",
    integer: [
      "fn floordiv__i(x: i32, y: i32) -> i32 {",
      "  let q = x / y;",
      "  return select(q, q - 1, q * y != x && (x < 0) != (y < 0));",
      "}",
    ].join("\n"),
  },
  mod: {
    operands: 2,
    scalar: "fn mod_(x: f32, y: f32) -> f32 { return x - y * floor(x / y); }",
    integer: [
      "fn mod__i(x: i32, y: i32) -> i32 {",
      "  let r = x % y;",
      "  return select(r, r + y, r != 0 && (r < 0) != (y < 0));",
      "}",
    ].join("\n"),
  },
};

const all = Object.entries(definitions);

export function wgslFunctions(used: ReadonlySet<string>): readonly string[] {
  return all.flatMap(([name, { operands, scalar, integer }]) => {
    const wide = used.has(`${name}.f32x4`);
    return [
      ...(wide || used.has(`${name}.f32`) ? [scalar] : []),
      ...(wide ? [byLane(name, operands)] : []),
      ...(integer && used.has(`${name}.i32`) ? [integer] : []),
    ];
  });
}

function byLane(name: string, operands: 1 | 2): string {
  const names = operands === 1 ? ["x"] : ["x", "y"];
  const calls = ["x", "y", "z", "w"].map(
    (lane) => `${name}_(${names.map((x) => `${x}.${lane}`).join(", ")})`,
  );
  const signature = names.map((x) => `${x}: vec4<f32>`).join(", ");
  return `fn ${name}__4(${signature}) -> vec4<f32> { return vec4<f32>(${calls.join(", ")}); }`;
}
