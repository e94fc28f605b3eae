/**
 * The runtime: Program → numbers, in a browser or in Node. No dependencies; WebGPU for Node is loaded on demand.
 */
export * from "./checkpoint.js";
export * from "./data.js";
export type { Device, DeviceInfo, DeviceLimits, DeviceOptions, KernelFunction } from "./device.js";
export { openDevice } from "./device.js";
export type { RuntimeErrorCode } from "./errors.js";
export { RuntimeError, runtimeErrors } from "./errors.js";
export * from "./evaluate.js";
export * from "./generate.js";
export type { EntryName } from "./inputs.js";
export * from "./model.js";
export * from "./profile.js";
export type * from "./program.js";
export { bitsAt, fnv1a32, mix, randomKey, uniformAt } from "./random.js";
export * from "./safetensors.js";
export type { StoredType } from "./safetensors-header.js";
export * from "./sample.js";
export { learningRateAt } from "./schedule.js";
export type { Outputs, Read, Ring, RunOptions, Scalars, Session, SessionOptions } from "./session.js";
export { createSession } from "./session.js";
export type { Lengths } from "./sizes.js";
export type { ByteSource, FetchOptions, OnProgress } from "./source.js";
export type { NextToken } from "./steps.js";
export { nextTokenOf } from "./steps.js";
export type { Inputs, NestedNumbers, Tensor, TensorData, TensorLike } from "./tensor.js";
export { tensor } from "./tensor.js";
export * from "./tokenizer.js";
export * from "./trainer.js";
export type { KernelWish } from "./variants.js";
export type * from "./web.js";
export * from "./weights.js";
