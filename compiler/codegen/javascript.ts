/**
 * Kernel → a JavaScript function expression over typed arrays; f32x4 becomes four numbers.
 *
 * ```
 * store 1 [g0] (load 0 [g0] * 2) → (n, s, b, from, to) => { … b1[g0] = (b0[g0] * 2); … }
 * ```
 * Arithmetic on f32 is done in f64 and rounded when it is stored. Of a cooperative kernel [from, to) are workgroups, whose invocations
 * go in lockstep from barrier to barrier; a subgroup is one invocation.
 */
import type { KernelText } from "../../runtime/program.js";
import type { CallScalar, HostExtent, Uses } from "./extents.js";
import { extentNames, scalarIndex, usesOf } from "./extents.js";
import type { Lane, LanePrinter, Surroundings } from "./javascript-expressions.js";
import { createLanePrinter, elementIndex } from "./javascript-expressions.js";
import { javascriptFunctions } from "./javascript-functions.js";
import type { Expr, Kernel, Stmt, ValueType } from "./kernel.js";
import { lanes } from "./kernel.js";
import type { Part } from "./lockstep.js";
import { arraysOf, invocationsOf, partsOf, spreadNames } from "./lockstep.js";

interface Printer extends Surroundings {
  readonly uses: Uses;
  readonly extentText: (extent: HostExtent) => string;
  readonly lanes: LanePrinter;
  /** For the first invocation. */
  readonly first: LanePrinter;
}

/** `uses`: what `usesOf` says of the kernel, where the caller has asked already. */
export function printJavascript(
  kernel: Kernel,
  scalars: readonly CallScalar[],
  uses: Uses = usesOf(kernel),
): KernelText {
  const parts = kernel.cooperative ? partsOf(kernel.body) : [];
  const extentText = extentNames(uses);
  const around = { kernel, scalars, extentText, spread: spreadNames(parts), invocation: "local" };
  const first = createLanePrinter({ ...around, invocation: "0" });
  const printer: Printer = { ...around, uses, lanes: createLanePrinter(around), first };
  const lines = [
    "(n, s, b, from, to) => {",
    ...[...javascriptFunctions(uses.functions), ...prologue(printer), ...memory(printer)].map(indented),
    "  for (let g = from; g < to; g++) {",
    ...gridIndices(printer).map((line) => `    ${line}`),
  ];
  if (kernel.cooperative) printParts(printer, parts, "    ", lines);
  else print(printer, kernel.body, "    ", lines);
  lines.push("  }", "}");
  const workgroup = kernel.cooperative ? ([1, 1, 1] as const) : kernel.workgroup;
  return { code: lines.join("\n"), grid: kernel.grid, workgroup, extents: uses.extents };
}

const indented = (line: string): string => `  ${line}`;

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
function printParts(printer: Printer, parts: readonly Part[], pad: string, lines: string[]): void {
  const head = (x: Expr): string => printer.first.text(x, 0);
  for (const part of parts)
    switch (part.tag) {
      case "phase":
        lines.push(`${pad}for (let local = 0; local < ${invocationsOf(printer.kernel)}; local++) {`);
        print(printer, part.statements, `${pad}  `, lines);
        lines.push(`${pad}}`);
        break;
      case "for": {
        const { name, from, to, step } = part.statement;
        lines.push(`${pad}for (let ${name} = ${head(from)}; ${name} < ${head(to)}; ${name} += ${step}) {`);
        printParts(printer, part.body, `${pad}  `, lines);
        lines.push(`${pad}}`);
        break;
      }
      case "if":
        lines.push(`${pad}if (${head(part.statement.condition)}) {`);
        printParts(printer, part.then, `${pad}  `, lines);
        if (part.otherwise.length > 0) {
          lines.push(`${pad}} else {`);
          printParts(printer, part.otherwise, `${pad}  `, lines);
        }
        lines.push(`${pad}}`);
        break;
      default:
        part satisfies never;
    }
}

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
  const [x, y, z] = printer.kernel.grid.map(printer.extentText);
  if (y === "1" && z === "1") return ["const g0 = g, g1 = 0, g2 = 0;"];
  return [
    `const g0 = g % ${x}, row = (g / ${x}) | 0;`,
    z === "1" ? "const g1 = row, g2 = 0;" : `const g1 = row % ${y}, g2 = (row / ${y}) | 0;`,
  ];
}

const named = (name: string, type: ValueType): readonly string[] =>
  type === "f32x4" ? lanes.map((lane) => `${name}_${lane}`) : [name];

/** Adds the lines of some statements. */
function print(printer: Printer, statements: readonly Stmt[], pad: string, lines: string[]): void {
  const { text, slot } = printer.lanes;
  for (const statement of statements)
    switch (statement.tag) {
      case "let":
      case "var": {
        const word = printer.spread.has(statement.name) ? "" : statement.tag === "let" ? "const " : "let ";
        lines.push(`${pad}${word}${assignments(printer, statement.name, statement.value).join(", ")};`);
        break;
      }
      case "assign":
        for (const line of assignments(printer, statement.name, statement.value))
          lines.push(`${pad}${line};`);
        break;
      case "store": {
        const { binding, index, value } = statement;
        const at = text(index, 0);
        for (const lane of lanesOf(value))
          lines.push(`${pad}b${binding}[${elementIndex(at, lane)}] = ${text(value, lane)};`);
        break;
      }
      case "for": {
        const { name, from, to, step } = statement;
        lines.push(
          `${pad}for (let ${name} = ${text(from, 0)}; ${name} < ${text(to, 0)}; ${name} += ${step}) {`,
        );
        print(printer, statement.body, `${pad}  `, lines);
        lines.push(`${pad}}`);
        break;
      }
      case "if":
        lines.push(`${pad}if (${text(statement.condition, 0)}) {`);
        print(printer, statement.then, `${pad}  `, lines);
        if (statement.otherwise.length > 0) {
          lines.push(`${pad}} else {`);
          print(printer, statement.otherwise, `${pad}  `, lines);
        }
        lines.push(`${pad}}`);
        break;
      case "array":
      case "barrier":
        break;
      case "put": {
        const { name, index, value } = statement;
        const at = text(index, 0);
        for (const lane of lanesOf(value))
          lines.push(`${pad}${name}[${slot(name, at, lane)}] = ${text(value, lane)};`);
        break;
      }
      default:
        statement satisfies never;
        throw new Error("internal: statement of no tag");
    }
}

const scalarLane: readonly Lane[] = [0];
const lanesOf = (x: Expr): readonly Lane[] => (x.type === "f32x4" ? lanes : scalarLane);

/** `v_0 = …` for each lane of a local. */
function assignments(printer: Printer, name: string, value: Expr): readonly string[] {
  const own = printer.spread.has(name) ? `[${printer.invocation}]` : "";
  const parts = named(name, value.type);
  return lanesOf(value).map((lane) => `${parts[lane]}${own} = ${printer.lanes.text(value, lane)}`);
}
