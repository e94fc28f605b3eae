import { expect, test } from "vitest";
import { getDevice, takeDeviceErrors } from "./device.js";

const saxpy = /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&x)) { y[id.x] = 2.5 * x[id.x] + y[id.x]; }
}`;

function upload(device: GPUDevice, values: Float32Array<ArrayBuffer>): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = device.createBuffer({ size: values.byteLength, usage });
  device.queue.writeBuffer(buffer, 0, values);
  return buffer;
}

async function download(device: GPUDevice, source: GPUBuffer): Promise<Float32Array> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ size: source.size, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const values = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return values;
}

test("a WGSL kernel runs on the device and its numbers are right", async () => {
  const device = await getDevice();
  const count = 257; // a prime: the last workgroup is nearly empty
  const x = Float32Array.from({ length: count }, (_, i) => i - 100);
  const y = Float32Array.from({ length: count }, (_, i) => 0.25 * i);
  const buffers = [upload(device, x), upload(device, y)];
  const module = device.createShaderModule({ code: saxpy });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(Math.ceil(count / 64));
  pass.end();
  device.queue.submit([encoder.finish()]);
  const result = await download(device, buffers[1]);
  expect([...result]).toEqual([...x].map((value, i) => 2.5 * value + y[i])); // every value is exact in f32
});

test("an error that nobody awaits is noticed", async () => {
  const device = await getDevice();
  device.createShaderModule({ code: "fn main() -> nothing {}" });
  expect((await takeDeviceErrors()).join()).toMatch(/nothing/);
});
