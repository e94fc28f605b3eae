/**
 * Expression of a kernel → WGSL.
 *
 * ```
 * fma(load 0 [g0], 2, v1) → fma(b0[g0], 2.0f, v1)
 * ```
 */
import type { CallScalar } from "./extents.js";
import { scalarIndex } from "./extents.js";
import type { BinaryFunction, Binding, Expr, Extent, UnaryFunction, ValueType } from "./kernel.js";
import { literal } from "./polynomials.js";

export const typeNames: { readonly [K in ValueType]: string } = {
  f32: "f32",
  i32: "i32",
  u32: "u32",
  bool: "bool",
  f32x4: "vec4<f32>",
};

/** The fields of a vector. */
export const words = ["x", "y", "z", "w"];

export interface ExpressionPrinter {
  text(x: Expr): string;
  element(binding: number, type: ValueType, index: Expr): string;
}

/** `isFlat`: the grid has one dimension. */
export function createExpressionPrinter(
  bindings: readonly Binding[],
  scalars: readonly CallScalar[],
  extentText: (extent: Extent) => string,
  isFlat: boolean,
): ExpressionPrinter {
  function text(x: Expr): string {
    switch (x.tag) {
      case "const":
        return constant(x.type, x.value);
      case "var":
        return x.name;
      case "grid":
        return isFlat && x.dimension > 0 ? "0" : `g${x.dimension}`;
      case "extent":
        return extentText(x.extent);
      case "scalar":
        return `s${scalarIndex(scalars, x.name)}`;
      case "turn":
        return "turn";
      case "load":
        return element(x.binding, x.type, x.index);
      case "element":
        return `${x.name}[${text(x.index)}]`;
      case "local":
        return "local";
      case "subgroup":
        return `subgroup${x.fn[0]!.toUpperCase()}${x.fn.slice(1)}(${text(x.x)})`;
      case "subgroup_size":
        return "i32(lanes)";
      case "subgroup_lane":
        return "i32(lane)";
      case "unary":
        return unaryText[x.fn](text(x.x), x.type);
      case "binary":
        return binaryText[x.fn](text(x.x), text(x.y), x.type, x.y);
      case "fma":
        return `fma(${text(x.x)}, ${text(x.y)}, ${text(x.z)})`;
      case "select":
        return `select(${text(x.otherwise)}, ${text(x.then)}, ${text(x.condition)})`;
      case "convert":
        return `${typeNames[x.type]}(${text(x.x)})`;
      case "bitcast":
        return `bitcast<${typeNames[x.type]}>(${text(x.x)})`;
      case "splat":
        return `vec4<f32>(${text(x.x)})`;
      case "vector":
        return `vec4<f32>(${text(x.lanes[0])}, ${text(x.lanes[1])}, ${text(x.lanes[2])}, ${text(x.lanes[3])})`;
      case "lane":
        return `${text(x.x)}.${words[x.lane]}`;
      default:
        x satisfies never;
        throw new Error("internal: expression of no tag");
    }
  }

  function element(binding: number, type: ValueType, index: Expr): string {
    const at = text(index);
    if (bindings[binding]!.width === 1) return `b${binding}[${at}]`;
    const constant = index.tag === "const" ? index.value : undefined;
    const whole = constant === undefined ? `${at} >> 2u` : String(Math.floor(constant / 4));
    if (type === "f32x4") return `b${binding}[${whole}]`;
    return `b${binding}[${whole}][${constant === undefined ? `${at} & 3` : constant % 4}]`;
  }

  return { text, element };
}

function constant(type: ValueType, value: number): string {
  if (type === "bool") return value ? "true" : "false";
  if (type === "u32") return `${value}u`;
  const text = type === "i32" ? String(value) : `${literal(Math.fround(value))}f`;
  return value < 0 ? `(${text})` : text;
}

type UnaryText = (x: string, type: ValueType) => string;
const call =
  (name: string): UnaryText =>
  (x) =>
    `${name}(${x})`;
/** A function of ours, defined for f32 and, lane by lane, for f32x4. */
const own =
  (name: string): UnaryText =>
  (x, type) =>
    `${name}${type === "f32x4" ? "_4" : ""}(${x})`;

const unaryText: { readonly [K in UnaryFunction]: UnaryText } = {
  neg: (x) => `(-${x})`,
  not: (x) => `(!${x})`,
  exp: call("exp"),
  log: call("log"),
  sqrt: call("sqrt"),
  rsqrt: call("inverseSqrt"),
  tanh: own("tanh_"),
  erf: own("erf_"),
  sigmoid: own("sigmoid_"),
  sin: own("sin_"),
  cos: own("cos_"),
  abs: call("abs"),
  floor: call("floor"),
  round: call("round"),
};

type BinaryText = (x: string, y: string, type: ValueType, right: Expr) => string;
const infix =
  (sign: string): BinaryText =>
  (x, y) =>
    `(${x} ${sign} ${y})`;
const function2 =
  (name: string): BinaryText =>
  (x, y) =>
    `${name}(${x}, ${y})`;
const own2 =
  (name: string): BinaryText =>
  (x, y, type) =>
    `${name}${type === "f32x4" ? "_4" : type === "i32" ? "_i" : ""}(${x}, ${y})`;

const powerOf2 = (x: Expr): number | undefined =>
  x.tag === "const" && x.value > 0 && Number.isInteger(Math.log2(x.value)) ? Math.log2(x.value) : undefined;

const binaryText: { readonly [K in BinaryFunction]: BinaryText } = {
  add: infix("+"),
  sub: infix("-"),
  mul: infix("*"),
  div: infix("/"),
  pow: own2("pow_"),
  min: function2("min"),
  max: function2("max"),
  floordiv: own2("floordiv_"),
  mod: own2("mod_"),
  quotient: (x, y, _type, right) =>
    powerOf2(right) === undefined ? `(${x} / ${y})` : `(${x} >> ${powerOf2(right)}u)`,
  remainder: (x, y, _type, right) =>
    powerOf2(right) === undefined ? `(${x} % ${y})` : `(${x} & ${2 ** powerOf2(right)! - 1})`,
  eq: infix("=="),
  ne: infix("!="),
  lt: infix("<"),
  le: infix("<="),
  and: infix("&&"),
  or: infix("||"),
  bitxor: infix("^"),
  bitor: infix("|"),
  shl: infix("<<"),
  shr: infix(">>"),
};
