/** Batches that are accumulated, each with its loss in chunks of rows: the step that follows is the one on their union, without any chunks. */
import { expect, test } from "vitest";
import type { Graph } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { createTrainer } from "../../runtime/trainer.js";
import { leavesOf, tensorOf } from "../build/support.js";
import { chunkedSource, compiled, meaning, VOCAB } from "../support/chunked.js";
import { tolerances } from "../support/closeness.js";
import { flat } from "../support/numbers.js";
import type { Values } from "../support/program-runs.js";
import { f32, numbersBy, openSession, randomBatch } from "../support/program-runs.js";

const LENGTH = 5;
const text = chunkedSource("tied = false\n  head_bias = true\n  smoothing = 0.1\n  final_soft_cap = 3");
const whole = compiled(text, undefined);
const drawn = randomBatch(whole, { batch: 5, length: LENGTH, vocab: VOCAB });
/** In the last text only one target counts. */
const targets = flat(drawn.next).map((id, n) => (n >= 4 * LENGTH && n !== 4 * LENGTH + 2 ? -1 : id));
const batch = { ...drawn, next: tensorOf(drawn.next.sizes, targets) };
/** 5, 15 and 5 rows: two chunks of 4, four, two, the last of them in part. */
const cuts = [
  [0, 1],
  [1, 4],
  [4, 5],
] as const;
const part = ({ data }: Tensor<number>, [from, to]: readonly [number, number]): Tensor<number> =>
  tensorOf([to - from, LENGTH], Array.from(data).slice(LENGTH * from, LENGTH * to));

test.each([1, 4, 16])("in f64, %i rows at a time", (chunk) => {
  const { entries, built } = meaning(text, chunk);
  const zeros = Object.fromEntries(
    [...entries!.train!.outputs, ...entries!.accumulate!.outputs].flatMap(({ name, node }) => {
      const sizes = node.shape.map(({ size }) => size as number);
      const count = sizes.reduce((a, b) => a * b, 1);
      return name.startsWith("state.")
        ? [[name.slice("state.".length), tensorOf(sizes, new Float64Array(count))]]
        : [];
    }),
  );
  const memory: Record<string, Tensor<number>> = {
    ...zeros,
    ...leavesOf(built, (name) => Array.from(batch.weights.get(name)!)),
    lr: tensorOf([], [Math.fround(batch.lr)]),
    seed: tensorOf([], [0]),
    step: tensorOf([], [1]),
  };
  const run = (graph: Graph, given: Values, B: number): Values =>
    interpret(graph, f64, { inputs: { ...memory, ...given }, lengths: { B, T: LENGTH, P: 0 } });
  for (const cut of cuts) {
    const tokens = part(batch.tokens, cut);
    const valid = { ...tokens, data: Float64Array.from(tokens.data, () => 1) };
    const given = { tokens, "tokens.valid": valid, "tokens.next": part(batch.next, cut) };
    const out = run(entries!.accumulate!, given, cut[1] - cut[0]);
    for (const [name, value] of Object.entries(out))
      if (name.startsWith("state.")) memory[name.slice("state.".length)] = value;
  }
  const applied = run(entries!.apply!, {}, 1);
  const once = numbersBy(whole, batch).train;
  for (const [name, { data }] of Object.entries(once)) {
    const scale = Math.max(...Array.from(data, Math.abs));
    const found = applied[name] ?? memory[`accumulated.sum/${name}`]!;
    for (let n = 0; n < data.length; n++)
      expect(Math.abs(found.data[n]! - data[n]!), `${name}[${n}]`).toBeLessThanOrEqual(1e-12 * (1 + scale));
  }
});

test("on the CPU, within what rounding explains", async () => {
  const exact = numbersBy(whole, batch).train;
  const bounds = tolerances(exact, numbersBy(whole, batch, f32).train);
  const session = await openSession(compiled(text, 4), "cpu");
  session.writeParameters(batch.weights);
  const inputs = cuts.map((cut) => ({
    tokens: { data: flat(part(batch.tokens, cut)), shape: [cut[1] - cut[0], LENGTH] },
    "tokens.next": { data: flat(part(batch.next, cut)), shape: [cut[1] - cut[0], LENGTH] },
  }));
  const { gradNorm } = await createTrainer(session, { lr: batch.lr }).step(inputs);
  const found: Record<string, ArrayLike<number>> = { grad_norm: [gradNorm!] };
  for (const [name, data] of await session.readParameters()) found[`parameter.${name}`] = data;
  for (const [name, data] of await session.readStates())
    found[`state.${name.slice(name.indexOf(".") + 1)}`] = data;
  session.dispose();
  expect(Object.keys(found).length).toBe(Object.keys(exact).length - 2);
  for (const [name, data] of Object.entries(found)) {
    const worst = Math.max(...Array.from(data, (value, n) => Math.abs(value - exact[name]!.data[n]!)));
    expect(worst <= bounds[name]! ? "close" : `${worst} > ${bounds[name]}`, name).toBe("close");
  }
});
