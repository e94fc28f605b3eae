/**
 * Parameters by their path names: fresh ones from a seed, stored ones checked against the program, and back.
 *
 *   initialise(program, 1).get("layers.0.attention.wq") → Float32Array [64, 64]
 */
import { listNames, nearestNames, RuntimeError } from "./errors.js";
import type { Initializer, Parameter, Program, State } from "./program.js";
import { normalAt, randomKey, uniformAt } from "./random.js";
import type { StoredTensor } from "./safetensors.js";
import { readSafetensors, toFloat32, writeSafetensors } from "./safetensors.js";
import { elementsOf } from "./sizes.js";
import type { Tensor } from "./tensor.js";
import { tensor } from "./tensor.js";

/** Name → f32 tensor. */
export type Weights = ReadonlyMap<string, Tensor<Float32Array>>;

/** Element n of a parameter is f(seed, "init/" + name, n): neither order nor the other parameters matter. */
export function initialise(program: Program, seed: number): Weights {
  return new Map(program.parameters.map((parameter) => [parameter.name, initialValues(parameter, seed)]));
}

function initialValues({ name, shape, init }: Parameter, seed: number): Tensor<Float32Array> {
  const key = randomKey(seed, 0, `init/${name}`, 0);
  const draw = drawer(init, key);
  const values = new Float32Array(elementsOf(shape));
  for (let n = 0; n < values.length; n++) values[n] = draw(n);
  return tensor(values, shape);
}

function drawer(init: Initializer, key: number): (element: number) => number {
  switch (init.kind) {
    case "zeros":
      return () => 0;
    case "ones":
      return () => 1;
    case "constant":
      return () => init.value;
    case "normal":
      return (n) => init.mean + init.deviation * normalAt(key, n);
    case "uniform":
      return (n) => init.low + (init.high - init.low) * uniformAt(key, n);
    case "sinusoids":
      return sinusoids(init);
    case "xavier_uniform": {
      const bound = Math.sqrt(6 / (init.fanIn + init.fanOut));
      return (n) => bound * (2 * uniformAt(key, n) - 1);
    }
    case "xavier_normal": {
      const deviation = Math.sqrt(2 / (init.fanIn + init.fanOut));
      return (n) => deviation * normalAt(key, n);
    }
    case "he_normal": {
      const deviation = Math.sqrt(2 / init.fanIn);
      return (n) => deviation * normalAt(key, n);
    }
    default:
      return init satisfies never;
  }
}

function sinusoids({
  base,
  width,
  gain,
}: Initializer & { readonly kind: "sinusoids" }): (element: number) => number {
  const half = Math.ceil(width / 2);
  return (n) => {
    const [row, column] = [Math.floor(n / width), n % width];
    const angle = row / base ** ((2 * (column % half)) / width);
    return gain * (column < half ? Math.sin(angle) : Math.cos(angle));
  };
}

/** Stored tensors as the program's parameters, or one error that names all that is missing, unexpected or misshapen. */
export const matchParameters = (program: Program, tensors: ReadonlyMap<string, StoredTensor>): Weights =>
  match(program.parameters, tensors);

export const matchStates = (program: Program, tensors: ReadonlyMap<string, StoredTensor>): Weights =>
  match(program.states, tensors);

function match(owners: readonly (Parameter | State)[], tensors: ReadonlyMap<string, StoredTensor>): Weights {
  const problems = [
    ...missingNames(owners, tensors),
    ...unexpectedNames(owners, tensors),
    ...wrongShapes(owners, tensors),
  ];
  if (problems.length > 0) throw new RuntimeError("TFM6102", problems.join(" "));
  return new Map(
    owners.map(({ name, shape }) => [name, tensor(toFloat32(tensors.get(name)!, name), shape)] as const),
  );
}

function missingNames(
  owners: readonly { readonly name: string }[],
  tensors: ReadonlyMap<string, unknown>,
): string[] {
  const missing = owners.map(({ name }) => name).filter((name) => !tensors.has(name));
  if (missing.length === 0) return [];
  const known = new Set(owners.map(({ name }) => name));
  const strays = [...tensors.keys()].filter((name) => !known.has(name));
  return [`Missing: ${listNames(missing, 99)}.${suggestion(missing, strays)}`];
}

function unexpectedNames(
  owners: readonly { readonly name: string }[],
  tensors: ReadonlyMap<string, unknown>,
): string[] {
  const known = new Set(owners.map(({ name }) => name));
  const strays = [...tensors.keys()].filter((name) => !known.has(name));
  if (strays.length === 0) return [];
  const missing = [...known].filter((name) => !tensors.has(name));
  return [`Unexpected: ${listNames(strays, 99)}.${missing.length > 0 ? "" : suggestion(strays, known)}`];
}

/** What the first few names may have been meant to be. */
function suggestion(names: readonly string[], candidates: Iterable<string>): string {
  const pool = [...candidates];
  const pairs = names.slice(0, 4).flatMap((name) => {
    const [near] = nearestNames(name, pool, 1);
    return near === undefined ? [] : [`\`${near}\` is near \`${name}\``];
  });
  return pairs.length > 0 ? ` (${pairs.join("; ")}.)` : "";
}

function wrongShapes(
  owners: readonly (Parameter | State)[],
  tensors: ReadonlyMap<string, StoredTensor>,
): string[] {
  return owners.flatMap(({ name, shape }) => {
    const found = tensors.get(name)?.shape;
    if (!found || (found.length === shape.length && found.every((size, n) => size === shape[n]))) return [];
    return [`\`${name}\` is [${found.join(", ")}]; the model has [${shape.join(", ")}].`];
  });
}

/** A safetensors file → the program's parameters. */
export const readWeights = (program: Program, file: Uint8Array): Weights =>
  matchParameters(program, readSafetensors(file).tensors);

/** Parameters → a safetensors file, under their path names. */
export const writeWeights = (
  weights: ReadonlyMap<string, Tensor<Float32Array>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array =>
  writeSafetensors(
    new Map([...weights].map(([name, data]) => [name, { data, shape: data.shape }])),
    metadata,
  );
