/**
 * The functions a kernel uses → their definitions in JavaScript.
 *
 * ```
 * { "erf.f32" } → const erf_ = (x) => { … };
 * ```
 */
import { erfFar, erfNear, horner } from "./polynomials.js";

const definitions: Readonly<Record<string, readonly string[]>> = {
  erf: [
    "const erf_ = (x) => {",
    "  const a = Math.min(Math.abs(x), 6), s = a * a, t = 1 / (1 + 0.5 * a);",
    `  return Math.sign(x) * (a < 1 ? a * ${horner(erfNear, "s")} : 1 - Math.exp(-s) * ${horner(erfFar, "t")});`,
    "};",
  ],
  sigmoid: [
    "const sigmoid_ = (x) => { const e = Math.exp(-Math.abs(x)); return (x >= 0 ? 1 : e) / (1 + e); };",
  ],
  round: [
    "const round_ = (x) => { const up = Math.round(x); return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up; };",
  ],
  mod: ["const mod_ = (x, y) => x - y * Math.floor(x / y);"],
};

const bits = (from: "f32" | "i32" | "u32", to: "f32" | "i32" | "u32"): string => {
  const method = { f32: "Float32", i32: "Int32", u32: "Uint32" };
  return `const bits_${from}_${to} = (x) => { word.set${method[from]}(0, x); return word.get${method[to]}(0); };`;
};

export function javascriptFunctions(used: ReadonlySet<string>): readonly string[] {
  const own = Object.entries(definitions).flatMap(([name, lines]) =>
    ["f32", "f32x4", "i32"].some((type) => used.has(`${name}.${type}`)) ? lines : [],
  );
  const casts = (["i32", "u32"] as const).flatMap((other) => [
    ...(used.has(`bitcast.f32.${other}`) ? [bits(other, "f32")] : []),
    ...(used.has(`bitcast.${other}.f32`) ? [bits("f32", other)] : []),
  ]);
  return casts.length > 0 ? ["const word = new DataView(new ArrayBuffer(4));", ...casts, ...own] : own;
}
