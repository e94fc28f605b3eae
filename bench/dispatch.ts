/**
 * CPU time per dispatch: a program of 500 tiny steps on the WebGPU device, from the call to the end of its submission.
 * Run with `npx vite-node bench/dispatch.ts`.
 */
import { openDevice } from "../runtime/device.js";
import type { Place, Program, Step } from "../runtime/program.js";
import { createSession } from "../runtime/session.js";

const steps = 500;
const rounds = 200;

const code = `
@group(0) @binding(0) var<uniform> sizes: array<vec4<u32>, 1>;
@group(0) @binding(1) var<uniform> scalars: array<vec4<u32>, 4>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < sizes[0].x) { y[id.x] = x[id.x] + 1.0; }
}`;
const text = { grid: [64, 1, 1], workgroup: [64, 1, 1], extents: [64] } as const;
const place = (slot: number): Place => ({ slot, turn: 0, stride: 64, length: 64 });
const line = Array.from(
  { length: steps },
  (_, n): Step => ({
    kernel: 0,
    label: `step ${n}`,
    turn: n,
    bindings: n % 2 === 0 ? [place(0), place(1)] : [place(1), place(0)],
  }),
);
const binding = { type: "f32", access: "both" } as const;

const program: Program = {
  format: 1,
  name: "tiny",
  compiler: "",
  source: "",
  lengths: { B: { axis: "batch", maximum: 1 } },
  slots: [0, 1].map(() => ({ role: "temporary", sizes: [{ count: 1, elements: 64 }] })),
  kernels: [
    {
      name: "increment",
      bindings: [binding, binding],
      wgsl: { code, ...text },
      javascript: {
        code: "(n, s, b, from, to) => { for (let i = from; i < to; i++) b[1][i] = b[0][i] + 1; }",
        ...text,
      },
    },
  ],
  inputs: [],
  parameters: [],
  states: [],
  tables: [],
  scalars: [],
  entries: { forward: { steps: line, inputs: [], outputs: [], updates: false } },
  recipe: null,
  decoding: null,
};

/** Of the sorted times: the middle, and the fastest tenth, which other work on the machine disturbs least. */
function perStep(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): string =>
    ((sorted[Math.floor(sorted.length * share)]! * 1000) / steps).toFixed(2);
  return `${at(0.5)} µs (fastest tenth ${at(0.1)})`;
}

for (const kind of ["webgpu", "cpu"] as const) {
  const device = await openDevice({ device: kind });
  const session = await createSession(program, device);
  const encoded: number[] = [];
  const finished: number[] = [];
  for (let n = 0; n < rounds; n++) {
    await device.idle();
    const begin = performance.now();
    await session.run("forward", {});
    encoded.push(performance.now() - begin);
    await device.idle();
    finished.push(performance.now() - begin);
  }
  console.log(`${kind} (${device.info.description}), ${steps} steps a call; for each step:`);
  console.log(`  call to submission  ${perStep(encoded)}`);
  console.log(`  call to completion  ${perStep(finished)}`);
  session.dispose();
  device.dispose();
}
