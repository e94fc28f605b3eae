/**
 * A model that mixes, as a user says it, and the same numbers from its formula.
 *
 * ```
 * said({ lines: "y = mix(q, k, v, mask: causal)", formula: (x) => ({ score: …, allowed: (h, i, j) => j <= i }) })
 * ```
 * Queries, keys and values come from inputs through matrices, so that gradients of parameters pass through the mixing.
 */
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { drawTensor } from "../support/model-runs.js";
import type { Mixing } from "./formula.js";
import { mixed, over, range } from "./formula.js";

export const sizes = { heads: 2, rows: 4, keys: 5, channels: 3, width: 4 } as const;

/** What stands in one example: elements of inputs and parameters by name, and q, k, v. */
export interface Reader {
  at(name: string, ...index: readonly number[]): number;
  q(h: number, i: number, c: number): number;
  k(h: number, j: number, c: number): number;
  v(h: number, j: number, c: number): number;
  /** q_i · k_j */
  qk(h: number, i: number, j: number): number;
}

export interface Saying {
  /** What stands beside the model: scores, masks, blocks. */
  readonly declarations?: string;
  /** Inputs and parameters besides the usual ones. */
  readonly more?: string;
  /** What gives y from q, k and v. */
  readonly lines: string;
  /** Inputs besides a, b and u: their sizes without the batch, drawn from (-1, 1), or as they are. */
  readonly inputs?: Readonly<Record<string, readonly number[] | Given>>;
  /** Keys are as many as rows, and of the same input: y attends to itself. */
  readonly alone?: boolean;
  /** What y adds up. */
  readonly formula: (x: Reader) => Part | readonly Part[];
}

type Part = Partial<Mixing> & Pick<Mixing, "score">;

/** Values of one example, the same for all. */
export interface Given {
  readonly sizes: readonly number[];
  readonly values: readonly number[];
}

export const textOf = ({
  declarations = "",
  more = "",
  lines,
  alone = false,
}: Saying): string => `${declarations}
model m {
  input a[2, t <= 8, 3] : real
  ${alone ? "b = a" : "input b[2, s <= 8, 3] : real"}
  input u[2, ${alone ? "t" : "s"}, 4] : real
  param wq[3, 3], wk[3, 3], wv[4, 4] ~ normal(0.5)
  ${more}
  q[h, i, c] = a[h, i, m] * wq[m, c]
  k[h, j, c] = b[h, j, m] * wk[m, c]
  v[h, j, c] = u[h, j, m] * wv[m, c]
  ${lines}
  output y = y
  loss sum[h, i, c](y[h, i, c] * y[h, i, c])
}
`;

export const examples = 2;

export function drawInputs({ inputs = {}, alone = false }: Saying): Record<string, Tensor<number>> {
  const { heads, rows, keys, channels, width } = sizes;
  const many = alone ? rows : keys;
  const shapes: Record<string, readonly number[] | Given> = {
    a: [heads, rows, channels],
    ...(alone ? {} : { b: [heads, many, channels] }),
    u: [heads, many, width],
    ...inputs,
  };
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], n): [string, Tensor<number>] => {
      if (!("sizes" in shape)) return [name, drawTensor([examples, ...shape], n + 3)];
      const data = Float64Array.from(range(examples).flatMap(() => shape.values));
      return [name, { sizes: [examples, ...shape.sizes], data }];
    }),
  );
}

export const lengthsOf = ({ alone = false }: Saying): Readonly<Record<string, number>> => ({
  B: examples,
  T: sizes.rows,
  ...(alone ? {} : { S: sizes.keys }),
});

/** y of all examples, by the formula. `tensors` holds inputs with their batch, and parameters. */
export function byFormula(
  saying: Saying,
  tensors: Readonly<Record<string, Tensor<number>>>,
): readonly number[] {
  const inputs = new Set(Object.keys(drawInputs(saying)));
  return range(examples).flatMap((example) => {
    const x = readerOf(tensors, inputs, example, saying.alone ? "a" : "b");
    const parts = [saying.formula(x)].flat().map((part) =>
      mixed({
        heads: sizes.heads,
        rows: sizes.rows,
        keys: saying.alone ? sizes.rows : sizes.keys,
        width: sizes.width,
        value: (h, _i, j, c) => x.v(h, j, c),
        ...part,
      }),
    );
    return parts.reduce((sum, part) => sum.map((y, n) => y + part[n]!));
  });
}

function readerOf(
  tensors: Readonly<Record<string, Tensor<number>>>,
  inputs: ReadonlySet<string>,
  example: number,
  memory: string,
): Reader {
  const at = (name: string, ...index: readonly number[]): number => {
    const { sizes: all, data } = tensors[name]!;
    const place = inputs.has(name) ? [example, ...index] : index;
    if (place.length !== all.length || place.some((p, n) => p < 0 || p >= all[n]!))
      throw new Error(`${name}[${index.join()}] of [${all.join()}]`);
    return data[place.reduce((sum, p, n) => sum * all[n]! + p, 0)]!;
  };
  const { channels, width } = sizes;
  const once = (f: (h: number, i: number, c: number) => number) => {
    const known = new Map<number, number>();
    return (h: number, i: number, c: number): number => {
      const key = (h * 64 + i) * 64 + c;
      const value = known.get(key) ?? f(h, i, c);
      known.set(key, value);
      return value;
    };
  };
  const q = once((h, i, c) => over(channels, (m) => at("a", h, i, m) * at("wq", m, c)));
  const k = once((h, j, c) => over(channels, (m) => at(memory, h, j, m) * at("wk", m, c)));
  const v = once((h, j, c) => over(width, (m) => at("u", h, j, m) * at("wv", m, c)));
  return { at, q, k, v, qk: once((h, i, j) => over(channels, (c) => q(h, i, c) * k(h, j, c))) };
}
