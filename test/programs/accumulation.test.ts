/** A step in parts: the union of micro-batches is one batch, each token weighing the same. */
import { describe, expect, test } from "vitest";
import { summary } from "../../compiler/index.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import type { Session } from "../../runtime/session.js";
import type { Inputs } from "../../runtime/tensor.js";
import type { StepResult } from "../../runtime/trainer.js";
import { createTrainer } from "../../runtime/trainer.js";
import { leavesOf, tensorOf } from "../build/support.js";
import { tolerances } from "../support/closeness.js";
import { flat } from "../support/numbers.js";
import type { Batch, Compiling, DeviceKind, Values } from "../support/program-runs.js";
import { compileModel, f32, numbersBy, openSession, randomBatch } from "../support/program-runs.js";

const text = (extra: string): string => `model tiny(vocab = 11, d = 6, layers = 2, dropping = 0) {
  input tokens[t <= 8] : int(vocab)

  use wte = embedding(vocab, d)
  x = wte(tokens)
  repeat layers {
    x = x + mlp(layer_norm(x), hidden: 2 * d, act: gelu)
    x = dropout(x, dropping)
  }
  output logits = linear(layer_norm(x), out: vocab)
  loss cross_entropy(logits, next(tokens))

  train {
    optimizer = adamw(lr: 1e-3)
    clip = 0.1
    ${extra}
  }
}
`;
const settings = { vocab: 11 };
const model = compileModel(text("accumulate = 3"), settings);
const whole = randomBatch(model, { batch: 4, length: 8, vocab: 11 });
/** Rows 0 and 1, 2, 3; the last one has a single target that counts. */
const targets = flat(whole.next).map((id, n) =>
  n >= 24 && n !== 27 ? -1 : n >= 16 && n % 2 === 0 ? -1 : id,
);
const batch: Batch = { ...whole, next: tensorOf(whole.next.sizes, targets) };
const cuts: readonly (readonly [number, number])[] = [
  [0, 2],
  [2, 3],
  [3, 4],
];

const rows = ({ data }: Tensor<number>, [from, to]: readonly [number, number]): Tensor<number> =>
  tensorOf([to - from, 8], Array.from(data).slice(8 * from, 8 * to));
const inputsAt = (cut: readonly [number, number]): Inputs => ({
  tokens: { data: flat(rows(batch.tokens, cut)), shape: [cut[1] - cut[0], 8] },
  "tokens.next": { data: flat(rows(batch.next, cut)), shape: [cut[1] - cut[0], 8] },
});
const parts = cuts.map(inputsAt);
const union = inputsAt([0, 4]);

async function opened(kind: DeviceKind, compiled: Compiling = model): Promise<Session> {
  const session = await openSession(compiled, kind);
  session.writeParameters(batch.weights);
  return session;
}

/** What a session holds and the step returned, by the names of the graph `train`. */
async function stateOf(session: Session, { loss, gradNorm }: StepResult): Promise<Values> {
  const values: Record<string, Tensor<number>> = {
    grad_norm: tensorOf([], [gradNorm!]),
    mean: tensorOf([], [loss!]),
  };
  for (const [name, data] of await session.readParameters())
    values[`parameter.${name}`] = tensorOf(data.shape, data);
  for (const [name, data] of await session.readStates())
    values[`state.${name.slice(name.indexOf(".") + 1)}`] = tensorOf(data.shape, data);
  return values;
}

async function stepped(kind: DeviceKind, inputs: Inputs | readonly Inputs[], lr = batch.lr): Promise<Values> {
  const session = await opened(kind);
  const values = await stateOf(session, await createTrainer(session, { lr }).step(inputs));
  session.dispose();
  return values;
}

const mean = (values: Values): Values => ({
  ...values,
  mean: tensorOf([], [values["loss.sum"]!.data[0]! / values["loss.count"]!.data[0]!]),
});

describe("a step in parts", () => {
  const exact = mean(numbersBy(model, batch).train);
  const bounds = tolerances(exact, mean(numbersBy(model, batch, f32).train));

  // Clipping is at work: an unclipped step, or one clipped part by part, is another one.
  test("the test's gradient is longer than the clip", () => {
    expect(exact.grad_norm!.data[0]).toBeGreaterThan(0.2);
  });

  test.each(["cpu", "webgpu"] as const)("is the step on the union (%s)", async (kind) => {
    const found = await stepped(kind, parts);
    for (const [name, { data }] of Object.entries(found)) {
      const worst = Math.max(...Array.from(data, (value, n) => Math.abs(value - exact[name]!.data[n]!)));
      expect(worst <= bounds[name]! ? "close" : `${worst} > ${bounds[name]}`, name).toBe("close");
    }
    expect(Object.keys(found).length).toBe(Object.keys(exact).length - 2);
  });

  test("in the interpreter it is the same to the last digits", () => {
    const { built, entries } = model;
    const scalars = {
      lr: tensorOf([], [Math.fround(batch.lr)]),
      seed: tensorOf([], [0]),
      step: tensorOf([], [1]),
    };
    const memory: Record<string, Tensor<number>> = {
      ...leavesOf(built, (name) => Array.from(batch.weights.get(name)!)),
      ...scalars,
    };
    const zeros = zeroStates(model);
    const run = (graph: Graph, given: Values, B: number): Values =>
      interpret(graph, f64, { inputs: { ...zeros, ...memory, ...given }, lengths: { B, T: 8, P: 0 } });
    for (const cut of cuts) {
      const given = { tokens: rows(batch.tokens, cut), "tokens.next": rows(batch.next, cut) };
      const out = run(entries!.accumulate!, given, cut[1] - cut[0]);
      for (const [name, value] of Object.entries(out))
        if (name.startsWith("state.")) memory[name.slice("state.".length)] = value;
    }
    const once = run(entries!.train!, { tokens: batch.tokens, "tokens.next": batch.next }, 4);
    const applied = run(entries!.apply!, {}, 1);
    for (const [name, { data }] of Object.entries(once))
      for (let n = 0; n < data.length; n++)
        expect(Math.abs(applied[name]!.data[n]! - data[n]!), `${name}[${n}]`).toBeLessThan(
          1e-12 * (1 + Math.abs(data[n]!)),
        );
    const sums = Object.entries(applied).filter(([name]) => name.startsWith("state.accumulated.sum/"));
    expect(sums.length).toBe(new Set(built.parameters.map(({ leaf }) => leaf)).size + 2);
    for (const [, { data }] of sums) expect(Array.from(data).every((value) => value === 0)).toBe(true);
  });

  test("what was accumulated for an earlier step does not matter", async () => {
    const run = async (first: readonly Inputs[]) => {
      const session = await opened("cpu");
      const trainer = createTrainer(session, { lr: 0 });
      await trainer.step(first);
      const { loss, gradNorm } = await trainer.step(parts);
      session.dispose();
      return { loss, gradNorm };
    };
    expect(await run([parts[2]!, parts[2]!])).toEqual(await run(parts));
  });

  test("a list of one is the step on that batch, to the bit", async () => {
    expect(await stepped("cpu", [union])).toEqual(await stepped("cpu", union));
  });

  test("a part that is refused leaves nothing behind", async () => {
    const session = await opened("cpu");
    const trainer = createTrainer(session, { lr: batch.lr });
    const wrong: Inputs = { ...parts[1]!, tokens: { data: new Int32Array(8).fill(99), shape: [1, 8] } };
    await expect(trainer.step([parts[0]!, wrong])).rejects.toThrow("TFM6004");
    expect(trainer.stepsDone).toBe(0);
    const values = await stateOf(session, await trainer.step(parts));
    session.dispose();
    expect(values).toEqual(await stepped("cpu", parts));
  });

  test("a program that does not accumulate says so", async () => {
    const plain = compileModel(text(""), settings);
    expect(Object.keys(plain.program.entries)).toEqual(["forward", "loss", "grad", "train", "step"]);
    const session = await opened("cpu", plain);
    const trainer = createTrainer(session);
    await expect(trainer.step(parts)).rejects.toThrow(
      "TFM6007: `tiny` was compiled to train on one batch a step; 3 were given. Compile it with `accumulate = 3`",
    );
    await expect(trainer.step([])).rejects.toThrow("TFM6005");
    expect((await trainer.step([union])).loss).toBeGreaterThan(0);
    session.dispose();
  });

  test("resuming continues to the bit: the sums are empty between steps", async () => {
    const session = await opened("cpu");
    const trainer = createTrainer(session, { seed: 5 });
    await trainer.step(parts);
    const [weights, states] = [await session.readParameters(), await session.readStates()];
    const straight = await stateOf(session, await trainer.step(parts));
    session.dispose();
    const other = await openSession(model, "cpu");
    other.writeParameters(weights);
    other.writeStates(states);
    const resumed = await stateOf(other, await createTrainer(other, { seed: 5, step: 1 }).step(parts));
    other.dispose();
    expect(resumed).toEqual(straight);
    expect([...states.keys()].filter((name) => name.includes("accumulated"))).toEqual([]);
  });

  test("equal parts drop different elements, and the same ones when run again", async () => {
    const dropping = compileModel(text("accumulate = 2"), { ...settings, dropping: 0.5 });
    const loss = async (seed: number, given: readonly Inputs[]): Promise<number> => {
      const session = await opened("cpu", dropping);
      const { loss: found } = await createTrainer(session, { seed, lr: 0 }).step(given);
      session.dispose();
      return found!;
    };
    const once = await loss(1, [union]);
    const twice = await loss(1, [union, union]);
    expect(twice).toBe(await loss(1, [union, union]));
    // With the same bits in both parts the mean would be that of one.
    expect(Math.abs(twice - once)).toBeGreaterThan(1e-3);
    expect(await loss(2, [union, union])).not.toBe(twice);
  });
});

describe("memory", () => {
  test("of a step in parts is that of one part", async () => {
    const arena = async (entry: "train" | "accumulate" | "apply", B: number): Promise<number> => {
      const session = await openSession(model, "cpu");
      await session.reserve(entry, { B, T: 8, P: 0 });
      const { arena: bytes } = session.bytes;
      session.dispose();
      return bytes;
    };
    const [whole, part, update] = [
      await arena("train", 64),
      await arena("accumulate", 8),
      await arena("apply", 1),
    ];
    expect(part).toBeLessThanOrEqual(await arena("train", 8));
    expect(update).toBeLessThanOrEqual(part);
    expect(part).toBeLessThan(whole / 4);
  });

  test("and FLOPs are told for all parts of a step", () => {
    const plain = summary(compileModel(text(""), settings));
    const inParts = summary(model);
    expect(inParts.flops.train! / plain.flops.train!).toBeGreaterThan(2);
    expect(inParts.flops.train! / plain.flops.train!).toBeLessThan(3);
    expect(inParts.activationBytes.train).toBeLessThanOrEqual(plain.activationBytes.train!);
    expect(inParts.optimizerBytes).toBeGreaterThan(plain.optimizerBytes * 1.4);
  });
});

function zeroStates({ entries }: Compiling): Record<string, Tensor<number>> {
  const zeros: Record<string, Tensor<number>> = {};
  for (const { name, node } of [...entries!.train!.outputs, ...entries!.accumulate!.outputs])
    if (name.startsWith("state.")) {
      const sizes = node.shape.map(({ size }) => size as number);
      zeros[name.slice("state.".length)] = tensorOf(
        sizes,
        new Float64Array(sizes.reduce((a, c) => a * c, 1)),
      );
    }
  return zeros;
}
