/**
 * Kernel → WGSL.
 *
 * ```
 * store 1 [g0] (load 0 [g0] * 2) → b1[g0] = (b0[g0] * 2.0f);
 * ```
 */
import type { KernelText } from "../../runtime/program.js";
import type { CallScalar, HostExtent, Uses } from "./extents.js";
import { constantExtent, extentKey, scalarIndex, usesOf } from "./extents.js";
import type { BinaryFunction, Binding, Expr, Kernel, Stmt, UnaryFunction, ValueType } from "./kernel.js";
import { arraysOf } from "./lockstep.js";
import { literal } from "./polynomials.js";
import { wgslFunctions } from "./wgsl-functions.js";

interface Printer {
  readonly kernel: Kernel;
  readonly uses: Uses;
  readonly scalars: readonly CallScalar[];
}

export function printWgsl(kernel: Kernel, scalars: readonly CallScalar[]): KernelText {
  const uses = usesOf(kernel);
  const printer: Printer = { kernel, uses, scalars };
  const lines = [
    ...(uses.subgroups ? ["enable subgroups;"] : []),
    ...declarations(printer),
    ...wgslFunctions(uses.functions),
    `@compute @workgroup_size(${kernel.workgroup.join(", ")})`,
    `fn main(${builtins(printer)}) {`,
    ...indent([...prologue(printer), ...kernel.body.flatMap((statement) => print(printer, statement))]),
    "}",
  ];
  return {
    code: `${lines.join("\n")}\n`,
    grid: kernel.grid,
    workgroup: kernel.cooperative ? [1, 1, 1] : kernel.workgroup,
    extents: uses.extents,
  };
}

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);

export const typeNames: { readonly [K in ValueType]: string } = {
  f32: "f32",
  i32: "i32",
  u32: "u32",
  bool: "bool",
  f32x4: "vec4<f32>",
};

function declarations({ kernel, uses }: Printer): readonly string[] {
  const words = uses.extents.length + (uses.turn ? 1 : 0);
  const storage = (binding: Binding, n: number): string =>
    `@group(0) @binding(${n + 2}) var<storage, read_write> b${n}: array<${binding.width === 4 ? "vec4<f32>" : binding.type}>;`;
  return [
    ...(words > 0
      ? [`@group(0) @binding(0) var<uniform> sizes: array<vec4<u32>, ${Math.ceil(words / 4)}>;`]
      : []),
    ...(uses.scalars.length > 0 ? ["@group(0) @binding(1) var<uniform> scalars: array<vec4<u32>, 4>;"] : []),
    ...kernel.bindings.map(storage),
    ...arraysOf(kernel.body)
      .filter(({ space }) => space === "workgroup")
      .map((array) => `var<workgroup> ${array.name}: ${arrayType(array)};`),
  ];
}

const arrayType = ({ type, length }: Stmt & { tag: "array" }): string =>
  `array<${typeNames[type]}, ${length}>`;

/** One long dimension may come folded over y, so that it is not bound by the device's number of groups along x. */
const isFlat = (kernel: Kernel): boolean => kernel.grid[1] === 1 && kernel.grid[2] === 1;

function builtins({ kernel, uses }: Printer): string {
  const flat = isFlat(kernel);
  const ids = flat || kernel.cooperative ? [] : ["@builtin(global_invocation_id) id: vec3<u32>"];
  const counts = flat ? ["@builtin(num_workgroups) groups: vec3<u32>"] : [];
  const name = kernel.cooperative ? "invocation" : "local";
  const index = flat || kernel.cooperative ? [`@builtin(local_invocation_index) ${name}: u32`] : [];
  const subgroups = uses.subgroups
    ? ["@builtin(subgroup_size) lanes: u32", "@builtin(subgroup_invocation_id) lane: u32"]
    : [];
  return [...ids, "@builtin(workgroup_id) group: vec3<u32>", ...counts, ...index, ...subgroups].join(", ");
}

const words = ["x", "y", "z", "w"];
const word = (array: string, n: number): string => `${array}[${Math.floor(n / 4)}].${words[n % 4]}`;

const extentText = ({ uses }: Printer, extent: HostExtent): string => {
  const constant = constantExtent(extent);
  if (constant !== undefined) return String(constant);
  return `n${uses.extents.findIndex((known) => extentKey(known) === extentKey(extent))}`;
};

function prologue(printer: Printer): readonly string[] {
  const { kernel, uses, scalars } = printer;
  const flat = isFlat(kernel);
  const dimensions = kernel.grid.map((extent, n) => ({ extent, n })).filter(({ n }) => !flat || n === 0);
  const index = (n: number): string => {
    if (flat && kernel.cooperative) return "i32(group.y * groups.x + group.x)";
    if (flat) return `i32((group.y * groups.x + group.x) * ${kernel.workgroup[0]}u + local)`;
    return `i32(${kernel.cooperative || kernel.workgroup[n] === 1 ? "group" : "id"}.${words[n]})`;
  };
  const outside = dimensions.map(({ extent, n }) => `g${n} >= ${extentText(printer, extent)}`).join(" || ");
  const scalar = (name: string): string => {
    const at = scalarIndex(scalars, name);
    return `let s${at} = bitcast<${scalars[at]!.type}>(${word("scalars", at)});`;
  };
  return [
    ...uses.extents.map((_, n) => `let n${n} = i32(${word("sizes", n)});`),
    ...(uses.turn ? [`let turn = i32(${word("sizes", uses.extents.length)});`] : []),
    ...uses.scalars.map(scalar),
    ...dimensions.map(({ n }) => `let g${n} = ${index(n)};`),
    ...(kernel.cooperative ? ["let local = i32(invocation);"] : []),
    `if (${outside}) { return; }`,
  ];
}

function print(printer: Printer, statement: Stmt): readonly string[] {
  const text = (x: Expr): string => expression(printer, x);
  const nested = (body: readonly Stmt[]): readonly string[] =>
    indent(body.flatMap((inner) => print(printer, inner)));
  switch (statement.tag) {
    case "let":
      return [`let ${statement.name} = ${text(statement.value)};`];
    case "var":
      return [`var ${statement.name}: ${typeNames[statement.value.type]} = ${text(statement.value)};`];
    case "assign":
      return [`${statement.name} = ${text(statement.value)};`];
    case "store":
      return [
        `${elementOf(printer, statement.binding, statement.value.type, statement.index)} = ${text(statement.value)};`,
      ];
    case "for": {
      const { name, from, to, step } = statement;
      const head = `for (var ${name}: i32 = ${text(from)}; ${name} < ${text(to)}; ${name} += ${step}) {`;
      return [head, ...nested(statement.body), "}"];
    }
    case "if": {
      const otherwise = statement.otherwise.length > 0 ? ["} else {", ...nested(statement.otherwise)] : [];
      return [`if (${text(statement.condition)}) {`, ...nested(statement.then), ...otherwise, "}"];
    }
    case "array":
      return statement.space === "local" ? [`var ${statement.name}: ${arrayType(statement)};`] : [];
    case "put":
      return [`${statement.name}[${text(statement.index)}] = ${text(statement.value)};`];
    case "barrier":
      return ["workgroupBarrier();"];
    default:
      statement satisfies never;
      throw new Error("internal: statement of no tag");
  }
}

function elementOf(printer: Printer, binding: number, type: ValueType, index: Expr): string {
  const at = expression(printer, index);
  if (printer.kernel.bindings[binding]!.width === 1) return `b${binding}[${at}]`;
  const constant = index.tag === "const" ? index.value : undefined;
  const whole = constant === undefined ? `${at} >> 2u` : String(Math.floor(constant / 4));
  if (type === "f32x4") return `b${binding}[${whole}]`;
  return `b${binding}[${whole}][${constant === undefined ? `${at} & 3` : constant % 4}]`;
}

function expression(printer: Printer, x: Expr): string {
  const text = (child: Expr): string => expression(printer, child);
  switch (x.tag) {
    case "const":
      return constant(x.type, x.value);
    case "var":
      return x.name;
    case "grid":
      return isFlat(printer.kernel) && x.dimension > 0 ? "0" : `g${x.dimension}`;
    case "extent":
      return extentText(printer, x.extent);
    case "scalar":
      return `s${scalarIndex(printer.scalars, x.name)}`;
    case "turn":
      return "turn";
    case "load":
      return elementOf(printer, x.binding, x.type, x.index);
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
      return `vec4<f32>(${x.lanes.map(text).join(", ")})`;
    case "lane":
      return `${text(x.x)}.${words[x.lane]}`;
    default:
      x satisfies never;
      throw new Error("internal: expression of no tag");
  }
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
