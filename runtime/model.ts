/**
 * What an emitted module builds on: a Program with weights on a device, typed by the model's inputs and outputs.
 *
 *   export class Nano extends Model<NanoInputs, NanoOutputs> {
 *     static async load(weights: ModelWeights, options?: ModelOptions): Promise<Nano> {
 *       return new Nano(await openModel(program, kernels, weights, options));
 *     }
 *   }
 */
import type { Device, DeviceOptions, KernelFunction } from "./device.js";
import { openDevice } from "./device.js";
import type { EvaluateOptions, Evaluation } from "./evaluate.js";
import { evaluate } from "./evaluate.js";
import type { GenerateOptions, Sequence, SequenceOptions, SequenceRequest } from "./generate.js";
import { generate, generateSequences } from "./generate.js";
import { entryOf } from "./inputs.js";
import type { Program } from "./program.js";
import type { Outputs, Session } from "./session.js";
import { createSession } from "./session.js";
import type { ByteSource, FetchOptions } from "./source.js";
import { bytesOf } from "./source.js";
import type { Inputs, Tensor } from "./tensor.js";
import type { Trainer, TrainerOptions } from "./trainer.js";
import { createTrainer } from "./trainer.js";
import type { Weights } from "./weights.js";
import { initialise, readWeights, writeWeights } from "./weights.js";

/** A safetensors file, tensors by name, or a seed for fresh parameters. */
export type ModelWeights = ByteSource | ReadonlyMap<string, Tensor<Float32Array>> | { readonly seed: number };

export interface ModelOptions extends Omit<DeviceOptions, "device">, FetchOptions {
  /** A wish, or a device that is open already (it then outlives the model). */
  readonly device?: DeviceOptions["device"] | Device | undefined;
}

export interface OpenedModel {
  readonly session: Session;
  readonly ownsDevice: boolean;
}

export async function openModel(
  program: Program,
  kernels: readonly KernelFunction[] | undefined,
  weights: ModelWeights,
  options: ModelOptions = {},
): Promise<OpenedModel> {
  const given = typeof options.device === "object" ? options.device : undefined;
  const values = await resolveWeights(program, weights, options);
  const device = given ?? (await openDevice({ ...options, device: wishOf(options) }));
  try {
    const session = await createSession(program, device, { kernels });
    session.writeParameters(values);
    return { session, ownsDevice: given === undefined };
  } catch (error) {
    if (!given) device.dispose();
    throw error;
  }
}

const wishOf = ({ device }: ModelOptions): "auto" | "webgpu" | "cpu" =>
  typeof device === "string" ? device : "auto";

async function resolveWeights(
  program: Program,
  weights: ModelWeights,
  options: FetchOptions,
): Promise<Weights> {
  if (weights instanceof Map) return weights as Weights;
  if (isSeed(weights)) return initialise(program, weights.seed);
  return readWeights(program, await bytesOf(weights as ByteSource, options));
}

const isSeed = (weights: ModelWeights): weights is { readonly seed: number } =>
  typeof weights === "object" && "seed" in weights;

export class Model<I = Inputs, O = Outputs> {
  readonly session: Session;
  readonly #ownsDevice: boolean;

  constructor({ session, ownsDevice }: OpenedModel) {
    this.session = session;
    this.#ownsDevice = ownsDevice;
  }

  get program(): Program {
    return this.session.program;
  }

  /** All outputs, or those that `read` names. */
  async forward<K extends keyof O & string = keyof O & string>(
    inputs: I,
    options: { readonly read?: readonly K[] | undefined } = {},
  ): Promise<Pick<O, K>> {
    const read = options.read ?? entryOf(this.program, "forward").outputs.map(({ name }) => name);
    return (await this.session.run("forward", inputs as Inputs, {}, { read })) as unknown as Pick<O, K>;
  }

  /** New token ids after the prompt. */
  generate(prompt: ArrayLike<number>, options?: GenerateOptions): AsyncGenerator<number, void, undefined> {
    return generate(this.session, prompt, options);
  }

  /** For each prompt or source its texts, best first: one, or with a beam `count`. */
  generateSequences(
    requests: readonly SequenceRequest[],
    options?: SequenceOptions,
  ): Promise<readonly (readonly Sequence[])[]> {
    return generateSequences(this.session, requests, options);
  }

  trainer(options?: TrainerOptions): TypedTrainer<I> {
    return createTrainer(this.session, options) as unknown as TypedTrainer<I>;
  }

  /** The mean loss over batches. */
  evaluate(batches: Iterable<I> | AsyncIterable<I>, options?: EvaluateOptions): Promise<Evaluation> {
    return evaluate(this.session, batches as Iterable<Inputs>, options);
  }

  /** The parameters as a safetensors file. */
  async save(metadata?: Readonly<Record<string, string>>): Promise<Uint8Array> {
    return writeWeights(await this.session.readParameters(), metadata);
  }

  dispose(): void {
    this.session.dispose();
    if (this.#ownsDevice) this.session.device.dispose();
  }
}

/** A Trainer whose step takes the model's own inputs. */
export type TypedTrainer<I> = Omit<Trainer, "step"> & {
  step(inputs: I | readonly I[]): ReturnType<Trainer["step"]>;
};
