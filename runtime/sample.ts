/**
 * Logits → one token id. In this order: temperature, then the k most likely, then the smallest set of the most likely
 * whose probability reaches p (renormalised after top-k); equal logits rank by id. Temperature 0 is greedy.
 *
 *   sampleToken(Float32Array.of(1, 3, 2), { temperature: 1, topK: 2 }, 0.9) = 2     (ids 1 and 2 remain: 0.73, 0.27)
 */
import { RuntimeError } from "./errors.js";
import { randomKey, uniformAt } from "./random.js";

export interface SampleOptions {
  /** Divides the logits; 0 takes the most likely. 1 unless given. */
  readonly temperature?: number | undefined;
  /** Keep the k most likely. */
  readonly topK?: number | undefined;
  /** Keep the fewest tokens that hold this probability together; always at least one. */
  readonly topP?: number | undefined;
}

/** The first of the largest. */
export function greedy(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

export interface Candidate {
  readonly id: number;
  readonly probability: number;
}

/** The distribution that sampling draws from, most likely first; probabilities sum to 1. */
export function distribution(logits: Float32Array, options: SampleOptions): readonly Candidate[] {
  const { temperature, topK, topP } = checkOptions(options);
  const ids = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const kept = ids.slice(0, topK);
  const most = logits[kept[0]!]!;
  const weights = kept.map((id) => (logits[id] === most ? 1 : Math.exp((logits[id]! - most) / temperature)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const count = nucleus(weights, topP * total);
  const held = weights.slice(0, count).reduce((sum, weight) => sum + weight, 0);
  return kept.slice(0, count).map((id, n) => ({ id, probability: weights[n]! / held }));
}

/** How many of the sorted weights reach `mass` together. */
function nucleus(weights: readonly number[], mass: number): number {
  let sum = 0;
  const last = weights.findIndex((weight) => {
    sum += weight;
    return sum >= mass;
  });
  return last < 0 ? weights.length : last + 1;
}

function checkOptions({ temperature = 1, topK, topP = 1 }: SampleOptions) {
  const refuse = (what: string): never => {
    throw new RuntimeError("TFM6401", what);
  };
  if (!(temperature >= 0 && Number.isFinite(temperature)))
    refuse(`temperature ${temperature} is not a number ≥ 0.`);
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1))
    refuse(`topK ${topK} is not a whole number ≥ 1.`);
  if (!(topP > 0 && topP <= 1)) refuse(`topP ${topP} is not in (0, 1].`);
  return { temperature, topK, topP };
}

/** `uniform` in [0, 1) picks from the distribution. */
export function sampleToken(logits: Float32Array, options: SampleOptions, uniform: number): number {
  checkLogits(logits);
  if (checkOptions(options).temperature === 0) return greedy(logits);
  const candidates = distribution(logits, options);
  let sum = 0;
  for (const { id, probability } of candidates) {
    sum += probability;
    if (uniform < sum) return id;
  }
  return candidates.at(-1)!.id; // the probabilities' rounding
}

/** Logits that are no numbers are refused. */
export function checkLogits(logits: Float32Array): void {
  const at = logits.findIndex(Number.isNaN);
  if (at >= 0)
    throw new RuntimeError(
      "TFM6008",
      `The logit of token ${at} is not a number.`,
      "Were the weights trained?",
    );
}

/** The uniform number of the token at `position` of text number `text`. */
export const sampleUniform = (seed: number, position: number, text = 0): number =>
  uniformAt(randomKey(seed, text, "sample", 0), position);
