/**
 * One lane of an expression of a kernel → JavaScript; a scalar is the same in every lane.
 *
 * ```
 * fma(load 0 [g0], 2, v1), lane 3 → (b0[g0 + 3] * 2 + v1_3)
 * ```
 */
import type { CallScalar } from "./extents.js";
import { scalarIndex } from "./extents.js";
import type { BinaryFunction, Expr, Extent, Kernel, UnaryFunction, ValueType } from "./kernel.js";
import { arraysOf } from "./lockstep.js";

export type Lane = 0 | 1 | 2 | 3;

/** What expressions are printed for. */
export interface Surroundings {
  readonly kernel: Kernel;
  readonly scalars: readonly CallScalar[];
  readonly extentText: (extent: Extent) => string;
  /** Names that each invocation of a workgroup has its own of, and the invocation that is printed for. */
  readonly spread: ReadonlyMap<string, ValueType>;
  readonly invocation: string;
}

export interface LanePrinter {
  text(x: Expr, lane: Lane): string;
  /** Where an array has an element's lane: four numbers an f32x4, and each invocation's own ones after the other. */
  slot(name: string, index: string, lane: Lane): string;
}

export const elementIndex = (index: string, lane: number): string =>
  lane === 0 ? index : `${index} + ${lane}`;

export function createLanePrinter(surroundings: Surroundings): LanePrinter {
  const { kernel, scalars, extentText, spread, invocation } = surroundings;
  const arrays = new Map(arraysOf(kernel.body).map((array) => [array.name, array]));

  const local = (name: string, type: ValueType, lane: Lane): string =>
    `${type === "f32x4" ? `${name}_${lane}` : name}${spread.has(name) ? `[${invocation}]` : ""}`;

  function slot(name: string, index: string, lane: Lane): string {
    const array = arrays.get(name);
    if (!array) throw new Error(`internal: there is no array ${name}`);
    const own = array.space === "local" && kernel.cooperative;
    const element = own ? `${array.length} * ${invocation} + ${index}` : index;
    return array.type === "f32x4" ? elementIndex(`4 * ${own ? `(${element})` : element}`, lane) : element;
  }

  function text(x: Expr, lane: Lane): string {
    switch (x.tag) {
      case "const":
        return x.type === "bool"
          ? String(x.value !== 0)
          : x.value < 0 || Object.is(x.value, -0)
            ? `(-${-x.value})`
            : String(x.value);
      case "var":
        return local(x.name, x.type, lane);
      case "element":
        return `${x.name}[${slot(x.name, text(x.index, lane), lane)}]`;
      case "local":
        return invocation;
      case "subgroup":
        return text(x.x, lane);
      case "subgroup_size":
        return "1";
      case "subgroup_lane":
        return "0";
      case "grid":
        return `g${x.dimension}`;
      case "extent":
        return extentText(x.extent);
      case "scalar":
        return `s${scalarIndex(scalars, x.name)}`;
      case "turn":
        return "turn";
      case "load":
        return `b${x.binding}[${elementIndex(text(x.index, lane), x.type === "f32x4" ? lane : 0)}]`;
      case "unary":
        return unaryText[x.fn](text(x.x, lane), x.type);
      case "binary":
        return binaryText[x.fn](text(x.x, lane), text(x.y, lane), x.type);
      case "fma":
        return `(${text(x.x, lane)} * ${text(x.y, lane)} + ${text(x.z, lane)})`;
      case "select":
        return `(${text(x.condition, lane)} ? ${text(x.then, lane)} : ${text(x.otherwise, lane)})`;
      case "convert":
        return convertText(text(x.x, lane), x.x.type, x.type);
      case "bitcast":
        return bitcastText(text(x.x, lane), x.x.type, x.type);
      case "splat":
        return text(x.x, lane);
      case "vector":
        return text(x.lanes[lane], lane);
      case "lane":
        return text(x.x, x.lane);
      default:
        x satisfies never;
        throw new Error("internal: expression of no tag");
    }
  }

  return { text, slot };
}

function convertText(x: string, from: ValueType, to: ValueType): string {
  if (to === "bool") return `(${x} !== 0)`;
  if (from === "bool") return `(${x} ? 1 : 0)`;
  if (to === "f32") return x;
  const whole = from === "f32" ? `Math.trunc(${x})` : x;
  return to === "i32" ? `(${whole} | 0)` : `(${whole} >>> 0)`;
}

function bitcastText(x: string, from: ValueType, to: ValueType): string {
  if (from === "f32" || to === "f32") return `bits_${from}_${to}(${x})`;
  return to === "i32" ? `(${x} | 0)` : `(${x} >>> 0)`;
}

const math =
  (name: string) =>
  (x: string): string =>
    `Math.${name}(${x})`;
const own =
  (name: string) =>
  (x: string): string =>
    `${name}_(${x})`;

const unaryText: { readonly [K in UnaryFunction]: (x: string, type: ValueType) => string } = {
  neg: (x) => `(-${x})`,
  not: (x) => `(!${x})`,
  exp: math("exp"),
  log: math("log"),
  sqrt: math("sqrt"),
  rsqrt: (x) => `(1 / Math.sqrt(${x}))`,
  tanh: math("tanh"),
  erf: own("erf"),
  sigmoid: own("sigmoid"),
  sin: math("sin"),
  cos: math("cos"),
  abs: math("abs"),
  floor: math("floor"),
  round: own("round"),
};

/** An operation whose result on integers wraps to 32 bits. */
const wrapping =
  (sign: string) =>
  (x: string, y: string, type: ValueType): string => {
    if (type === "i32") return sign === "*" ? `Math.imul(${x}, ${y})` : `((${x} ${sign} ${y}) | 0)`;
    if (type === "u32") return sign === "*" ? `(Math.imul(${x}, ${y}) >>> 0)` : `((${x} ${sign} ${y}) >>> 0)`;
    return `(${x} ${sign} ${y})`;
  };
const infix =
  (sign: string) =>
  (x: string, y: string): string =>
    `(${x} ${sign} ${y})`;

const binaryText: { readonly [K in BinaryFunction]: (x: string, y: string, type: ValueType) => string } = {
  add: wrapping("+"),
  sub: wrapping("-"),
  mul: wrapping("*"),
  div: (x, y, type) => (type === "i32" ? `((${x} / ${y}) | 0)` : `(${x} / ${y})`),
  pow: (x, y, type) => (type === "i32" ? `(Math.pow(${x}, ${y}) | 0)` : `Math.pow(${x}, ${y})`),
  min: (x, y) => `Math.min(${x}, ${y})`,
  max: (x, y) => `Math.max(${x}, ${y})`,
  floordiv: (x, y, type) => (type === "i32" ? `(Math.floor(${x} / ${y}) | 0)` : `Math.floor(${x} / ${y})`),
  mod: (x, y, type) => (type === "i32" ? `(mod_(${x}, ${y}) | 0)` : `mod_(${x}, ${y})`),
  quotient: (x, y) => `((${x} / ${y}) | 0)`,
  remainder: infix("%"),
  eq: infix("==="),
  ne: infix("!=="),
  lt: infix("<"),
  le: infix("<="),
  and: infix("&&"),
  or: infix("||"),
  bitxor: (x, y) => `((${x} ^ ${y}) >>> 0)`,
  bitor: (x, y) => `((${x} | ${y}) >>> 0)`,
  shl: (x, y) => `((${x} << ${y}) >>> 0)`,
  shr: infix(">>>"),
};
