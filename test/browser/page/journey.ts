/**
 * What a user does with an emitted module, from weights to text, in whatever place this runs: the tests run it in Node, in a page
 * and in a worker, and compare.
 */
import type { Inputs, Model, ModelOptions, ModelWeights, Outputs } from "../../../runtime/index.js";

export interface ModelClass {
  load(weights: ModelWeights, options?: ModelOptions): Promise<Model<Inputs, Outputs>>;
}

/** Plain data: it travels to the page. */
export interface Journey {
  readonly device: "cpu" | "webgpu";
  /** An address, or a file's bytes. */
  readonly weights: string | Uint8Array;
  readonly tokens: readonly (readonly number[])[];
  readonly next: readonly (readonly number[])[];
  readonly steps: number;
  readonly prompt: readonly number[];
}

export interface Outcome {
  readonly device: string;
  readonly logits: readonly number[];
  readonly losses: readonly number[];
  /** Before training, greedily. */
  readonly text: readonly number[];
  /** The bytes of the file after training. */
  readonly saved: readonly number[];
  /** What the saved file gives when it is loaded again: the logits before and after, and whether a disposed model refuses. */
  readonly same: boolean;
  readonly refusal: string;
}

export async function journey(module: ModelClass, given: Journey): Promise<Outcome> {
  const { device, tokens, next } = given;
  const model = await module.load(given.weights, { device });
  const logits = Array.from((await model.forward({ tokens }))["logits"]!);
  const text: number[] = [];
  for await (const token of model.generate(given.prompt, { maxNewTokens: 8, temperature: 0 }))
    text.push(token);
  const losses = await train(model, given);
  const saved = await model.save();
  const again = await module.load(saved, { device });
  const same = equal(
    (await model.forward({ tokens }))["logits"]!,
    (await again.forward({ tokens }))["logits"]!,
  );
  again.dispose();
  model.dispose();
  const refusal = await model.forward({ tokens, "tokens.next": next }).then(String, String);
  return {
    device: model.session.device.info.kind,
    logits,
    losses,
    text,
    saved: Array.from(saved),
    same,
    refusal,
  };
}

/** Losses of so many steps on one batch. */
export async function train(
  model: Model<Inputs, Outputs>,
  { tokens, next, steps }: Pick<Journey, "tokens" | "next" | "steps">,
): Promise<readonly number[]> {
  const trainer = model.trainer({ lr: 1e-3, schedule: { kind: "constant", warmup: 0 } });
  const losses: number[] = [];
  for (let n = 0; n < steps; n++) {
    const { loss } = await trainer.step({ tokens, "tokens.next": next });
    losses.push(loss!);
  }
  return losses;
}

export const equal = (x: ArrayLike<number>, y: ArrayLike<number>): boolean =>
  x.length === y.length && Array.from(x).every((value, n) => value === y[n]);
