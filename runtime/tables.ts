/**
 * A table's formula → its elements, evaluated in f64 and rounded once.
 *
 *   { shape: [2, 2], formula: ["add", ["i", 0], 1] } → [1, 1, 2, 2]
 */
import type { Formula, Table } from "./program.js";
import { mix } from "./random.js";
import { elementsOf } from "./sizes.js";
import type { TensorData } from "./tensor.js";

type Numeric = (...x: readonly number[]) => number;

const maps: Readonly<Record<string, Numeric>> = {
  neg: (x) => -x!,
  exp: (x) => Math.exp(x!),
  log: (x) => Math.log(x!),
  sqrt: (x) => Math.sqrt(x!),
  rsqrt: (x) => 1 / Math.sqrt(x!),
  tanh: (x) => Math.tanh(x!),
  erf: (x) => erf(x!),
  sigmoid: (x) => 1 / (1 + Math.exp(-x!)),
  sin: (x) => Math.sin(x!),
  cos: (x) => Math.cos(x!),
  abs: (x) => Math.abs(x!),
  floor: (x) => Math.floor(x!),
  round: (x) => {
    const up = Math.round(x!);
    return up - x! === 0.5 && up % 2 !== 0 ? up - 1 : up;
  },
  not: (x) => Number(x === 0),
  to_f32: (x) => x!,
  to_i32: (x) => Math.trunc(x!),
  to_bool: (x) => Number(x !== 0),
  add: (x, y) => x! + y!,
  sub: (x, y) => x! - y!,
  mul: (x, y) => x! * y!,
  div: (x, y) => x! / y!,
  pow: (x, y) => x! ** y!,
  min: (x, y) => Math.min(x!, y!),
  max: (x, y) => Math.max(x!, y!),
  floordiv: (x, y) => Math.floor(x! / y!),
  mod: (x, y) => x! - y! * Math.floor(x! / y!),
  eq: (x, y) => Number(x === y),
  ne: (x, y) => Number(x !== y),
  lt: (x, y) => Number(x! < y!),
  le: (x, y) => Number(x! <= y!),
  and: (x, y) => Number(x !== 0 && y !== 0),
  or: (x, y) => Number(x !== 0 || y !== 0),
  hash: (x, y) => mix(mix((x! + 0x9e3779b9) | 0) ^ y!) | 0,
  select: (condition, then, otherwise) => (condition !== 0 ? then! : otherwise!),
};

export function evaluateFormula(formula: Formula, index: readonly number[]): number {
  if (typeof formula === "number") return formula;
  const [name, ...operands] = formula;
  if (name === "i") return index[operands[0] as number]!;
  const map = maps[name];
  if (!map) throw new Error(`internal: formula op ${name}`);
  return map(...operands.map((operand) => evaluateFormula(operand as Formula, index)));
}

export function tableValues(table: Table): TensorData {
  const count = elementsOf(table.shape);
  const data = arrayFor(table, count);
  const index = table.shape.map(() => 0);
  for (let n = 0; n < count; n++) {
    data[n] = evaluateFormula(table.formula, index);
    advance(index, table.shape);
  }
  return data;
}

function arrayFor({ dtype }: Table, count: number): TensorData {
  switch (dtype) {
    case "f32":
      return new Float32Array(count);
    case "i32":
      return new Int32Array(count);
    case "bool":
      return new Uint32Array(count);
    default:
      return dtype satisfies never;
  }
}

/** The next index in row-major order. */
function advance(index: number[], shape: readonly number[]): void {
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis]! += 1;
    if (index[axis]! < shape[axis]!) return;
    index[axis] = 0;
  }
}

/** erf to f64: e^(−x²) times a series of positive terms (nothing cancels), the continued fraction of erfc beyond 3. */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z > 3) return Math.sign(x) * (1 - erfcTail(z));
  let term = z;
  let sum = z;
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= (2 * z * z) / (2 * n + 1);
    sum += term;
  }
  return (Math.sign(x) * 2 * Math.exp(-z * z) * sum) / Math.sqrt(Math.PI);
}

function erfcTail(z: number): number {
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
  return Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction));
}
