/**
 * Rows of weight maps that PyTorch's modules have in common: matrices [out, in], norms, and the heads of attention.
 *
 * ```
 * matrix("fc1", "mlp", "1")    fc1.weight "out in -> in out" → mlp.w1, fc1.bias → mlp.b1
 * ```
 */
import type { Config, Weight } from "../family.js";

/** `name` is what stands behind w and b in the parameters' names. */
export const matrix = (from: string, to: string, name = "", bias = true): readonly Weight[] => [
  { from: `${from}.weight`, to: `${to}.w${name}`, layout: "out in -> in out" },
  ...(bias ? [{ from: `${from}.bias`, to: `${to}.b${name}` }] : []),
];

export const norm = (from: string, to: string, bias = true): readonly Weight[] => [
  { from: `${from}.weight`, to: `${to}.gain` },
  ...(bias ? [{ from: `${from}.bias`, to: `${to}.bias` }] : []),
];

/** The checkpoint's names of the four matrices, in the order q, k, v, o. */
export type Projections = readonly [string, string, string, string];

export const attention = ([q, k, v, o]: Projections, to: string, bias = true): readonly Weight[] => [
  ...inward([q, k, v], to, bias),
  ...outward(o, to, bias),
];

/** The matrices of queries, keys and values, and their biases, each of which may be missing. */
export const inward = (
  froms: readonly [string, string, string],
  to: string,
  bias = true,
  keyBias = bias,
): readonly Weight[] =>
  froms.flatMap((from, n): readonly Weight[] => {
    const letter = "qkv"[n]!;
    const biased = letter === "k" ? keyBias : bias;
    return [
      { from: `${from}.weight`, to: `${to}.w${letter}`, layout: "(h c) d -> d h c" },
      ...(biased ? [{ from: `${from}.bias`, to: `${to}.b${letter}`, layout: "(h c) -> h c" }] : []),
    ];
  });

export const outward = (from: string, to: string, bias = true): readonly Weight[] => [
  { from: `${from}.weight`, to: `${to}.wo`, layout: "d (h c) -> h c d" },
  ...(bias ? [{ from: `${from}.bias`, to: `${to}.bo` }] : []),
];

/** May be in the file as another name of the same tensor. */
export const copies = (like: string, ...names: readonly string[]): readonly Weight[] =>
  names.map((from) => ({ from, like }));

/** Matrices with biases, or norms, that the class does not use: files of one class are often read as another. */
export const unused = (why: string, ...names: readonly string[]): readonly Weight[] =>
  names.flatMap((name) => [
    { from: `${name}.weight`, ignored: why },
    { from: `${name}.bias`, ignored: why },
  ]);

/** Which of a family's classes the checkpoint is of; the first where the file says nothing. */
export function classOf<T extends string>(config: Config, classes: readonly [T, ...T[]]): T {
  const given = config.get("architectures");
  return classes.find((name) => Array.isArray(given) && given.includes(name)) ?? classes[0];
}

/** Fields that the class takes from the file, and what it takes where the file says nothing. */
export const labelFields = {
  id2label: { kind: "read", otherwise: null },
  num_labels: { kind: "read", otherwise: 2 },
  problem_type: { kind: "read", otherwise: null },
} as const;

/** The number of labels of a classifier, one of which each sequence has. */
export function labelCount(config: Config): number {
  const names = config.get("id2label");
  const named = typeof names === "object" && names !== null ? Object.keys(names).length : undefined;
  const count = named ?? config.size("num_labels");
  const problem = config.get("problem_type");
  if (problem !== null && problem !== "single_label_classification")
    config.refuse("problem_type", "understood is one label per sequence, `single_label_classification`");
  if (problem === null && count === 1)
    config.refuse(
      named === undefined ? "num_labels" : "id2label",
      "one label is a regression, which is not understood",
    );
  return count;
}
