/**
 * Kernel → WGSL.
 *
 * ```
 * store 1 [g0] (load 0 [g0] * 2) → b1[g0] = (b0[g0] * 2.0f);
 * ```
 */
import type { KernelText } from "../../runtime/program.js";
import type { CallScalar, HostExtent, Uses } from "./extents.js";
import { extentNames, scalarIndex, usesOf } from "./extents.js";
import type { Binding, Kernel, Stmt } from "./kernel.js";
import { arraysOf } from "./lockstep.js";
import type { ExpressionPrinter } from "./wgsl-expressions.js";
import { createExpressionPrinter, typeNames, words } from "./wgsl-expressions.js";
import { wgslFunctions } from "./wgsl-functions.js";

interface Printer {
  readonly kernel: Kernel;
  readonly uses: Uses;
  readonly scalars: readonly CallScalar[];
  readonly extentText: (extent: HostExtent) => string;
  readonly expressions: ExpressionPrinter;
}

/** `uses`: what `usesOf` says of the kernel, where the caller has asked already. */
export function printWgsl(
  kernel: Kernel,
  scalars: readonly CallScalar[],
  uses: Uses = usesOf(kernel),
): KernelText {
  const extentText = extentNames(uses);
  const expressions = createExpressionPrinter(kernel.bindings, scalars, extentText, isFlat(kernel));
  const printer: Printer = { kernel, uses, scalars, extentText, expressions };
  const lines = [
    ...(uses.subgroups ? ["enable subgroups;"] : []),
    ...declarations(printer),
    ...wgslFunctions(uses.functions),
    `@compute @workgroup_size(${kernel.workgroup.join(", ")})`,
    `fn main(${builtins(printer)}) {`,
    ...prologue(printer).map((line) => `  ${line}`),
  ];
  print(printer, kernel.body, "  ", lines);
  lines.push("}");
  return {
    code: `${lines.join("\n")}\n`,
    grid: kernel.grid,
    workgroup: kernel.cooperative ? [1, 1, 1] : kernel.workgroup,
    extents: uses.extents,
  };
}

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

const word = (array: string, n: number): string => `${array}[${Math.floor(n / 4)}].${words[n % 4]}`;

function prologue(printer: Printer): readonly string[] {
  const { kernel, uses, scalars } = printer;
  const flat = isFlat(kernel);
  const dimensions = kernel.grid.map((extent, n) => ({ extent, n })).filter(({ n }) => !flat || n === 0);
  const index = (n: number): string => {
    if (flat && kernel.cooperative) return "i32(group.y * groups.x + group.x)";
    if (flat) return `i32((group.y * groups.x + group.x) * ${kernel.workgroup[0]}u + local)`;
    return `i32(${kernel.cooperative || kernel.workgroup[n] === 1 ? "group" : "id"}.${words[n]})`;
  };
  const outside = dimensions.map(({ extent, n }) => `g${n} >= ${printer.extentText(extent)}`).join(" || ");
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

/** Adds the lines of some statements. */
function print(printer: Printer, statements: readonly Stmt[], pad: string, lines: string[]): void {
  const { text, element } = printer.expressions;
  for (const statement of statements)
    switch (statement.tag) {
      case "let":
        lines.push(`${pad}let ${statement.name} = ${text(statement.value)};`);
        break;
      case "var": {
        const { name, value } = statement;
        lines.push(`${pad}var ${name}: ${typeNames[value.type]} = ${text(value)};`);
        break;
      }
      case "assign":
        lines.push(`${pad}${statement.name} = ${text(statement.value)};`);
        break;
      case "store": {
        const { binding, index, value } = statement;
        lines.push(`${pad}${element(binding, value.type, index)} = ${text(value)};`);
        break;
      }
      case "for": {
        const { name, from, to, step } = statement;
        lines.push(
          `${pad}for (var ${name}: i32 = ${text(from)}; ${name} < ${text(to)}; ${name} += ${step}) {`,
        );
        print(printer, statement.body, `${pad}  `, lines);
        lines.push(`${pad}}`);
        break;
      }
      case "if":
        lines.push(`${pad}if (${text(statement.condition)}) {`);
        print(printer, statement.then, `${pad}  `, lines);
        if (statement.otherwise.length > 0) {
          lines.push(`${pad}} else {`);
          print(printer, statement.otherwise, `${pad}  `, lines);
        }
        lines.push(`${pad}}`);
        break;
      case "array":
        if (statement.space === "local") lines.push(`${pad}var ${statement.name}: ${arrayType(statement)};`);
        break;
      case "put":
        lines.push(`${pad}${statement.name}[${text(statement.index)}] = ${text(statement.value)};`);
        break;
      case "barrier":
        lines.push(`${pad}workgroupBarrier();`);
        break;
      default:
        statement satisfies never;
        throw new Error("internal: statement of no tag");
    }
}
