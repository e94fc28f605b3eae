/**
 * The runtime: Program → numbers, in a browser or in Node. No dependencies; WebGPU for Node is loaded on demand.
 */
export {
  type Device,
  type DeviceInfo,
  type DeviceLimits,
  type DeviceOptions,
  type KernelFunction,
  openDevice,
} from "./device.js";
export { listNames, nearestNames, RuntimeError, type RuntimeErrorCode, runtimeErrors } from "./errors.js";
export { bindInputs, type EntryName } from "./inputs.js";
export type * from "./program.js";
export { bitsAt, fnv1a32, mix, normalAt, permutedIndex, randomKey, uniformAt } from "./random.js";
export {
  createSession,
  type Outputs,
  type Read,
  type Ring,
  type RunOptions,
  type Scalars,
  type Session,
  type SessionOptions,
} from "./session.js";
export { type Lengths, sizeOf } from "./sizes.js";
export { type Inputs, type Tensor, type TensorData, type TensorLike, tensor } from "./tensor.js";
