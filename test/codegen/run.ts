/**
 * A body and its operands → the numbers of its kernel, on the WebGPU device and as JavaScript.
 */

import type { CallScalar, HostExtent } from "../../compiler/codegen/extents.js";
import { constantExtent } from "../../compiler/codegen/extents.js";
import { nodesOf } from "../../compiler/codegen/family.js";
import { printJavascript } from "../../compiler/codegen/javascript.js";
import type { Kernel } from "../../compiler/codegen/kernel.js";
import type { LowerOptions } from "../../compiler/codegen/lower.js";
import { lower } from "../../compiler/codegen/lower.js";
import { printWgsl } from "../../compiler/codegen/wgsl.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64, tensor } from "../../compiler/ir/numbers/f64.js";
import type { Numbers } from "../../compiler/ir/numbers/scalar.js";
import type { DType, Shape, Size } from "../../compiler/ir/shape.js";
import { evaluateSize } from "../../compiler/ir/shape.js";
import { getDevice } from "../device.js";

export type Lengths = Readonly<Record<string, number>>;
export type Words = Float32Array | Int32Array | Uint32Array;

export const callScalars: readonly CallScalar[] = [
  { name: "lr", type: "f32" },
  { name: "seed", type: "i32" },
  { name: "step", type: "i32" },
];

export interface Case extends LowerOptions {
  readonly body: Graph;
  readonly lengths?: Lengths;
  /** Values of `fixed.n`, row-major; made up where they are not given. */
  readonly operands?: readonly (readonly number[] | undefined)[];
  readonly stackedReads?: readonly number[];
  readonly stackedWrites?: readonly number[];
  readonly scalars?: Readonly<Record<string, number>>;
  readonly turn?: number;
  /** Invocations of a subgroup in lockstep. */
  readonly subgroup?: number;
}

export const shape = (...sizes: readonly Size[]): Shape => sizes.map((size, n) => ({ name: `x${n}`, size }));
export const countOf = (of: Shape, lengths: Lengths): number =>
  of.reduce((count, axis) => count * evaluateSize(axis.size, lengths), 1);

/** Numbers in (−1, 1), the same on every run. */
export function numbersFor(count: number, seed: number): number[] {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround((state >>> 8) / 2 ** 23 - 1);
  });
}

export function fixedInputs(body: Graph): readonly Node[] {
  const found: Node[] = [];
  for (const node of nodesOf(body))
    if (node.op === "input" && node.attributes.kind === "fixed")
      found[Number(node.attributes.name.split(".")[1])] = node;
  return found;
}

export function operandsOf({ body, lengths = {}, operands }: Case): readonly (readonly number[])[] {
  return fixedInputs(body).map((node, n) => {
    const given = operands?.[n];
    if (given) return given;
    const made = numbersFor(countOf(node.shape, lengths), n + 1);
    return node.dtype === "f32"
      ? made
      : made.map((x) => (node.dtype === "bool" ? Number(x > 0) : Math.floor(x * 5)));
  });
}

/** What the body means, in f64 or in other numbers. */
export function reference(test: Case, m: Numbers<number> = f64): readonly (readonly number[])[] {
  const { body, lengths = {}, scalars = {} } = test;
  const b = createBuilder();
  const inputs = fixedInputs(body);
  const leaves = inputs.map((node, n) => b.input("input", `x${n}`, node.shape, node.dtype));
  const region = b.make("fused", leaves, { body });
  const outputs = body.outputs.map((_, n) => ({ name: `y${n}`, node: b.get(region as Node, n) }));
  const values = operandsOf(test).map((data, n) => [
    `x${n}`,
    tensor(
      inputs[n]!.shape.map((axis) => evaluateSize(axis.size, lengths)),
      data,
    ),
  ]);
  const all = {
    ...Object.fromEntries(values),
    ...Object.fromEntries(Object.entries(scalars).map(([k, v]) => [k, tensor([], [v])])),
  };
  const results = interpret({ name: "test", outputs }, m, { inputs: all, lengths });
  return outputs.map(({ name }) => Array.from(results[name]!.data));
}

const align = (count: number): number => Math.ceil(count / 64) * 64;
const arrayOf = (dtype: DType, count: number): Words =>
  dtype === "f32"
    ? new Float32Array(count)
    : dtype === "i32"
      ? new Int32Array(count)
      : new Uint32Array(count);

/** Row-major ↔ memory: a stacked value's leading axis advances by whole multiples of 64. */
function memoryOf(
  of: Shape,
  lengths: Lengths,
  stacked: boolean,
): { rows: number; row: number; stride: number } {
  const count = countOf(of, lengths);
  const rows = stacked && of.length > 0 ? evaluateSize(of[0]!.size, lengths) : 1;
  const row = rows === 0 ? 0 : count / rows;
  return { rows, row, stride: stacked ? align(row) : row };
}

export function pack(
  data: readonly number[],
  of: Shape,
  dtype: DType,
  lengths: Lengths,
  stacked: boolean,
): Words {
  const { rows, row, stride } = memoryOf(of, lengths, stacked);
  const words = arrayOf(dtype, Math.max(64, align(rows * stride)));
  for (let n = 0; n < rows; n++) words.set(data.slice(n * row, (n + 1) * row), n * stride);
  return words;
}

export function unpack(words: Words, of: Shape, lengths: Lengths, stacked: boolean): number[] {
  const { rows, row, stride } = memoryOf(of, lengths, stacked);
  return Array.from({ length: rows }, (_, n) =>
    Array.from(words.subarray(n * stride, n * stride + row)),
  ).flat();
}

export function hostExtent(extent: HostExtent, lengths: Lengths): number {
  const constant = constantExtent(extent);
  if (constant !== undefined) return constant;
  if (typeof extent === "object" && "tile" in extent)
    return Math.ceil(evaluateSize(extent.size, lengths) / extent.tile);
  if (typeof extent === "object" && "aligned" in extent) return align(evaluateSize(extent.aligned, lengths));
  return evaluateSize(extent, lengths);
}

export interface Prepared {
  readonly kernel: Kernel;
  readonly buffers: readonly Words[];
  readonly collect: (buffers: readonly Words[]) => readonly (readonly number[])[];
}

export function prepare(test: Case): Prepared {
  const { body, lengths = {}, stackedReads = [], stackedWrites = [], aliases = new Map() } = test;
  const inputs = fixedInputs(body);
  const reads = inputs.map((_, n) => ({ stacked: stackedReads.includes(n) }));
  const writes = body.outputs.map((_, n) => ({ stacked: stackedWrites.includes(n) }));
  const kernel = lower(body, reads, writes, test);
  const operands = operandsOf(test);
  const buffers = inputs.map((node, n) =>
    pack(operands[n]!, node.shape, node.dtype, lengths, reads[n]!.stacked),
  );
  const places = body.outputs.map(({ node }, n) => {
    const alias = aliases.get(n);
    if (alias !== undefined) return alias;
    const { rows, stride } = memoryOf(node.shape, lengths, writes[n]!.stacked);
    // Poisoned, so that an element nobody writes shows.
    return buffers.push(arrayOf(node.dtype, Math.max(64, align(rows * stride))).fill(777)) - 1;
  });
  const collect = (found: readonly Words[]): readonly (readonly number[])[] =>
    body.outputs.map(({ node }, n) => unpack(found[places[n]!]!, node.shape, lengths, writes[n]!.stacked));
  return { kernel, buffers, collect };
}

function scalarWords({ scalars = {} }: Case): ArrayBuffer {
  const words = new ArrayBuffer(64);
  callScalars.forEach(({ name, type }, n) => {
    if (type === "f32") new Float32Array(words)[n] = scalars[name] ?? 0;
    else new Int32Array(words)[n] = scalars[name] ?? 0;
  });
  return words;
}

/** The invocations of a phase in the other order: where that makes a difference there is a race. */
export const backwards = (code: string): string =>
  code.replace(
    /for \(let local = 0; local < (\d+); local\+\+\)/g,
    "for (let local = $1 - 1; local >= 0; local--)",
  );

/** `rewrite`: what is done to the text before it runs. */
export function runJavascript(
  test: Case,
  rewrite: (code: string) => string = (code) => code,
): readonly (readonly number[])[] {
  const { kernel, buffers, collect } = prepare(test);
  const text = printJavascript(kernel, callScalars, undefined, test.subgroup);
  const run = new Function(`return ${rewrite(text.code)};`)() as (...x: unknown[]) => void;
  const lengths = test.lengths ?? {};
  const extents = Int32Array.from([...text.extents.map((x) => hostExtent(x, lengths)), test.turn ?? 0]);
  const words = scalarWords(test);
  const scalars = { f: new Float32Array(words), i: new Int32Array(words), u: new Uint32Array(words) };
  const total = text.grid.reduce<number>((product, x) => product * hostExtent(x, lengths), 1);
  // In two parts, as a device with workers would.
  const half = Math.floor(total / 2);
  run(extents, scalars, buffers, 0, half);
  run(extents, scalars, buffers, half, total);
  return collect(buffers);
}

export interface DeviceRun {
  readonly outputs: readonly (readonly number[])[];
  /** Runs it again, `times` times in one submission; resolves to milliseconds a run. */
  readonly time: (times: number) => Promise<number>;
}

export const runWgsl = async (test: Case): Promise<readonly (readonly number[])[]> =>
  (await openWgsl(test)).outputs;

export async function openWgsl(test: Case): Promise<DeviceRun> {
  const { kernel, buffers, collect } = prepare(test);
  const text = printWgsl(kernel, callScalars);
  const lengths = test.lengths ?? {};
  const device = await getDevice();
  const usage =
    GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const upload = (data: ArrayBufferView): GPUBuffer => {
    const buffer = device.createBuffer({ size: data.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    return buffer;
  };
  const words = [...text.extents.map((x) => hostExtent(x, lengths)), test.turn ?? 0];
  const sizes = new Int32Array(Math.ceil(words.length / 4) * 4);
  sizes.set(words);
  const storage = buffers.map(upload);
  const bound = [upload(sizes), upload(new Uint8Array(scalarWords(test))), ...storage];
  const layout = device.createBindGroupLayout({
    entries: bound.map((_, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: binding < 2 ? "uniform" : "storage" },
    })),
  });
  const group = device.createBindGroup({
    layout,
    entries: bound.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const module = device.createShaderModule({ code: text.code });
  const pipeline = device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: "main" },
  });
  const groups = text.grid.map((x, n) => Math.ceil(hostExtent(x, lengths) / text.workgroup[n]!));
  const dispatch = (times: number): void => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let n = 0; n < times; n++) pass.dispatchWorkgroups(groups[0]!, groups[1]!, groups[2]!);
    pass.end();
    device.queue.submit([encoder.finish()]);
  };
  dispatch(1);
  const found: Words[] = [];
  for (const [n, buffer] of storage.entries()) found.push(await download(device, buffer, buffers[n]!));
  return {
    outputs: collect(found),
    time: async (times) => {
      const start = performance.now();
      dispatch(times);
      await device.queue.onSubmittedWorkDone();
      return (performance.now() - start) / times;
    },
  };
}

async function download(device: GPUDevice, buffer: GPUBuffer, like: Words): Promise<Words> {
  const staging = device.createBuffer({
    size: buffer.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const bytes = staging.getMappedRange().slice(0);
  staging.destroy();
  if (like instanceof Float32Array) return new Float32Array(bytes);
  return like instanceof Int32Array ? new Int32Array(bytes) : new Uint32Array(bytes);
}

/** The first element that is further from the reference than its bound, as text; undefined where all agree. */
export function difference(
  found: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
  bound: (output: number, element: number) => number,
): string | undefined {
  for (const [output, values] of expected.entries()) {
    if (found[output]!.length !== values.length) return `output ${output}: ${found[output]!.length} elements`;
    for (const [n, value] of values.entries()) {
      const got = found[output]![n]!;
      if (!(Math.abs(got - value) <= bound(output, n)))
        return `output ${output} [${n}]: ${got} instead of ${value}`;
    }
  }
  return undefined;
}
