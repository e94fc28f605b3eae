/**
 * Kernel → a JavaScript function expression over typed arrays; f32x4 becomes four numbers.
 *
 * ```
 * store 1 [g0] (load 0 [g0] * 2) → (n, s, b, from, to) => { … b1[g0] = (b0[g0] * 2); … }
 * ```
 * Arithmetic on f32 is done in f64 and rounded when it is stored. Of a cooperative kernel [from, to) are workgroups, whose invocations
 * go in lockstep from barrier to barrier, in subgroups of as many as is said.
 */
import type { KernelText } from "../../runtime/program.js";
import type { CallScalar, HostExtent, Uses } from "./extents.js";
import { constantExtent, extentKey, scalarIndex, usesOf } from "./extents.js";
import { javascriptFunctions } from "./javascript-functions.js";
import type { BinaryFunction, Expr, Kernel, Stmt, UnaryFunction, ValueType } from "./kernel.js";
import { lanes } from "./kernel.js";
import type { Exchange, Part } from "./lockstep.js";
import { arraysOf, invocationsOf, partsOf, spreadNames } from "./lockstep.js";

interface Printer {
  readonly kernel: Kernel;
  readonly uses: Uses;
  readonly scalars: readonly CallScalar[];
  /** Names that each invocation of a workgroup has its own of, and the invocation that is printed for. */
  readonly spread: ReadonlyMap<string, ValueType>;
  readonly invocation: string;
  /** Invocations of a subgroup. */
  readonly subgroup: number;
}
type Lane = 0 | 1 | 2 | 3;

export function printJavascript(kernel: Kernel, scalars: readonly CallScalar[], subgroup = 1): KernelText {
  const uses = usesOf(kernel);
  const parts = kernel.cooperative ? partsOf(kernel.body) : [];
  const spread = spreadNames(parts);
  const printer: Printer = { kernel, uses, scalars, spread, invocation: "local", subgroup };
  const body = kernel.cooperative
    ? parts.flatMap((part) => printPart(printer, part))
    : kernel.body.flatMap((statement) => print(printer, statement));
  const lines = [
    "(n, s, b, from, to) => {",
    ...indent([
      ...javascriptFunctions(uses.functions),
      ...prologue(printer),
      ...memory(printer),
      "for (let g = from; g < to; g++) {",
      ...indent([...gridIndices(printer), ...body]),
      "}",
    ]),
    "}",
  ];
  const workgroup = kernel.cooperative ? ([1, 1, 1] as const) : kernel.workgroup;
  return { code: lines.join("\n"), grid: kernel.grid, workgroup, extents: uses.extents };
}

/** Arrays, made once: none is read where it was not put. In f64, as all that is not stored. */
function memory({ kernel, spread }: Printer): readonly string[] {
  const count = kernel.cooperative ? invocationsOf(kernel) : 1;
  const arrays = arraysOf(kernel.body).map(({ name, type, length, space }) => {
    const each = length * (type === "f32x4" ? 4 : 1);
    return `const ${name} = new Float64Array(${space === "local" ? each * count : each});`;
  });
  const names = [...spread].flatMap(([name, type]) => named(name, type));
  return [...arrays, ...names.map((name) => `const ${name} = new Array(${count}).fill(0);`)];
}

/** Heads of loops and branches around barriers are the same for all invocations. */
function printPart(printer: Printer, part: Part): readonly string[] {
  const head = (x: Expr): string => expression({ ...printer, invocation: "0" }, x, 0);
  const nested = (parts: readonly Part[]): readonly string[] =>
    indent(parts.flatMap((inner) => printPart(printer, inner)));
  switch (part.tag) {
    case "phase":
      return [
        `for (let local = 0; local < ${invocationsOf(printer.kernel)}; local++) {`,
        ...indent(part.statements.flatMap((statement) => print(printer, statement))),
        "}",
      ];
    case "exchange":
      return printExchange(printer, part.statement);
    case "for": {
      const { name, from, to, step } = part.statement;
      const loop = `for (let ${name} = ${head(from)}; ${name} < ${head(to)}; ${name} += ${step}) {`;
      return [loop, ...nested(part.body), "}"];
    }
    case "if": {
      const otherwise = part.otherwise.length > 0 ? ["} else {", ...nested(part.otherwise)] : [];
      return [`if (${head(part.statement.condition)}) {`, ...nested(part.then), ...otherwise, "}"];
    }
    default:
      return part satisfies never;
  }
}

/** All have their own value first; then each subgroup's, in the order of its invocations, becomes that of them all. */
function printExchange(printer: Printer, { name, value }: Exchange): readonly string[] {
  const count = invocationsOf(printer.kernel);
  const of: Expr = { tag: "binary", type: value.type, fn: value.fn, x: value, y: value };
  const combined = (total: string, part: string): string => binaryText[of.fn](total, part, of.type);
  const own = print(printer, { tag: "let", name, value: value.x });
  const fold = named(name, value.type).map(
    (part) =>
      `for (let n = first, total = ${part}[first]; n < end; n++) { if (n > first) total = ${combined("total", `${part}[n]`)}; if (n === end - 1) ${part}.fill(total, first, end); }`,
  );
  return [
    `for (let local = 0; local < ${count}; local++) {`,
    ...indent(own),
    "}",
    `for (let first = 0; first < ${count}; first += ${printer.subgroup}) {`,
    ...indent([`const end = Math.min(first + ${printer.subgroup}, ${count});`, ...fold]),
    "}",
  ];
}

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);

const extentText = ({ uses }: Printer, extent: HostExtent): string => {
  const constant = constantExtent(extent);
  if (constant !== undefined) return String(constant);
  return `n${uses.extents.findIndex((known) => extentKey(known) === extentKey(extent))}`;
};

function prologue({ kernel, uses, scalars }: Printer): readonly string[] {
  const scalar = (name: string): string => {
    const at = scalarIndex(scalars, name);
    return `const s${at} = s.${scalars[at]!.type[0]}[${at}];`;
  };
  return [
    ...kernel.bindings.map((_, n) => `const b${n} = b[${n}];`),
    ...uses.extents.map((_, n) => `const n${n} = n[${n}];`),
    ...(uses.turn ? [`const turn = n[${uses.extents.length}];`] : []),
    ...uses.scalars.map(scalar),
  ];
}

/** The flattened grid runs along x first. */
function gridIndices(printer: Printer): readonly string[] {
  const [x, y, z] = printer.kernel.grid.map((extent) => extentText(printer, extent));
  if (y === "1" && z === "1") return ["const g0 = g, g1 = 0, g2 = 0;"];
  return [
    `const g0 = g % ${x}, row = (g / ${x}) | 0;`,
    z === "1" ? "const g1 = row, g2 = 0;" : `const g1 = row % ${y}, g2 = (row / ${y}) | 0;`,
  ];
}

const named = (name: string, type: ValueType): readonly string[] =>
  type === "f32x4" ? lanes.map((lane) => `${name}_${lane}`) : [name];

function print(printer: Printer, statement: Stmt): readonly string[] {
  const text = (x: Expr): string => expression(printer, x, 0);
  const each = (x: Expr): readonly string[] =>
    x.type === "f32x4" ? lanes.map((lane) => expression(printer, x, lane)) : [text(x)];
  const nested = (body: readonly Stmt[]): readonly string[] =>
    indent(body.flatMap((inner) => print(printer, inner)));
  const isSpread = "name" in statement && printer.spread.has(statement.name);
  const set = (name: string, value: Expr): readonly string[] => {
    const values = each(value);
    const own = isSpread ? `[${printer.invocation}]` : "";
    return named(name, value.type).map((part, n) => `${part}${own} = ${values[n]}`);
  };
  switch (statement.tag) {
    case "let":
      return [`${isSpread ? "" : "const "}${set(statement.name, statement.value).join(", ")};`];
    case "var":
      return [`${isSpread ? "" : "let "}${set(statement.name, statement.value).join(", ")};`];
    case "assign":
      return set(statement.name, statement.value).map((line) => `${line};`);
    case "store":
      return each(statement.value).map(
        (value, n) => `b${statement.binding}[${elementIndex(text(statement.index), n)}] = ${value};`,
      );
    case "for": {
      const { name, from, to, step } = statement;
      const head = `for (let ${name} = ${text(from)}; ${name} < ${text(to)}; ${name} += ${step}) {`;
      return [head, ...nested(statement.body), "}"];
    }
    case "if": {
      const otherwise = statement.otherwise.length > 0 ? ["} else {", ...nested(statement.otherwise)] : [];
      return [`if (${text(statement.condition)}) {`, ...nested(statement.then), ...otherwise, "}"];
    }
    case "array":
    case "barrier":
      return [];
    case "put":
      return each(statement.value).map(
        (value, n) =>
          `${statement.name}[${slot(printer, statement.name, text(statement.index), lanes[n]!)}] = ${value};`,
      );
    default:
      statement satisfies never;
      throw new Error("internal: statement of no tag");
  }
}

/** Where an array has an element's lane: four numbers an f32x4, and each invocation's own ones after the other. */
function slot({ kernel, invocation }: Printer, name: string, index: string, n: Lane): string {
  const array = arraysOf(kernel.body).find((found) => found.name === name);
  if (!array) throw new Error(`internal: there is no array ${name}`);
  const own = array.space === "local" && kernel.cooperative;
  const element = own ? `${array.length} * ${invocation} + ${index}` : index;
  return array.type === "f32x4" ? elementIndex(`4 * ${own ? `(${element})` : element}`, n) : element;
}

const elementIndex = (index: string, lane: number): string => (lane === 0 ? index : `${index} + ${lane}`);

/** One lane of an expression; a scalar is the same in every lane. */
function expression(printer: Printer, x: Expr, lane: Lane): string {
  const text = (child: Expr): string => expression(printer, child, lane);
  switch (x.tag) {
    case "const":
      return x.type === "bool"
        ? String(x.value !== 0)
        : x.value < 0 || Object.is(x.value, -0)
          ? `(-${-x.value})`
          : String(x.value);
    case "var":
      return `${x.type === "f32x4" ? `${x.name}_${lane}` : x.name}${printer.spread.has(x.name) ? `[${printer.invocation}]` : ""}`;
    case "element":
      return `${x.name}[${slot(printer, x.name, text(x.index), lane)}]`;
    case "local":
      return printer.invocation;
    case "subgroup":
      throw new Error("internal: a subgroup's sum without a name of its own");
    case "subgroup_size":
      return String(printer.subgroup);
    case "subgroup_lane":
      return `(${printer.invocation} % ${printer.subgroup})`;
    case "grid":
      return `g${x.dimension}`;
    case "extent":
      return extentText(printer, x.extent);
    case "scalar":
      return `s${scalarIndex(printer.scalars, x.name)}`;
    case "turn":
      return "turn";
    case "load":
      return `b${x.binding}[${elementIndex(text(x.index), x.type === "f32x4" ? lane : 0)}]`;
    case "unary":
      return unaryText[x.fn](text(x.x), x.type);
    case "binary":
      return binaryText[x.fn](text(x.x), text(x.y), x.type);
    case "fma":
      return `(${text(x.x)} * ${text(x.y)} + ${text(x.z)})`;
    case "select":
      return `(${text(x.condition)} ? ${text(x.then)} : ${text(x.otherwise)})`;
    case "convert":
      return convertText(text(x.x), x.x.type, x.type);
    case "bitcast":
      return bitcastText(text(x.x), x.x.type, x.type);
    case "splat":
      return text(x.x);
    case "vector":
      return text(x.lanes[lane]);
    case "lane":
      return expression(printer, x.x, x.lane);
    default:
      x satisfies never;
      throw new Error("internal: expression of no tag");
  }
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
