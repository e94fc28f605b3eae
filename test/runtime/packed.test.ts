/** Packed parameters on the CPU device: the same initial values, the same training, the same checkpoints, whatever the level. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { compile } from "../../compiler/index.js";
import { openCheckpoint, packCheckpoint } from "../../runtime/checkpoint.js";
import type { Device } from "../../runtime/device.js";
import { openDevice } from "../../runtime/device.js";
import type { Program } from "../../runtime/program.js";
import type { Session } from "../../runtime/session.js";
import { createSession } from "../../runtime/session.js";
import { createTrainer } from "../../runtime/trainer.js";
import { initialise } from "../../runtime/weights.js";

const source = `model m(layers = 2) {
  input tokens[t <= 6] : int(7)
  use wte = embedding(7, 6)
  x = wte(tokens)
  repeat layers {
    x = x + attention(layer_norm(x), 3, kv_heads: 1, mask: causal)
    x = x + swiglu(layer_norm(x), hidden: 5)
  }
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
  train {
    optimizer = sgd(lr: 0.1, momentum: 0.9, weight_decay: 0.1)
    clip = 1.0
  }
}`;
const programAt = (level: 0 | 1 | 2): Program => compile(source, { level }).program!;
const [plain, packed] = [programAt(0), programAt(2)];
/** Five steps of lr / (1 − momentum) times a gradient of norm 1, whose sums of at most 64 terms are added in another order. */
const bound = ((5 * 0.1) / (1 - 0.9)) * 64 * 2 ** -24;
const inputs = {
  tokens: [
    [1, 2, 3, 4, 5, 6],
    [6, 0, 2, 0, 4, 1],
  ],
};

let device: Device;
beforeAll(async () => {
  device = await openDevice({ device: "cpu" });
});
afterAll(() => device.dispose());

async function trained(program: Program, steps: number): Promise<Session> {
  const session = await createSession(program, device, { entries: ["train"] });
  session.writeParameters(initialise(program, 3));
  const trainer = createTrainer(session, { seed: 3 });
  for (let n = 0; n < steps; n++) await trainer.step(inputs);
  return session;
}

const checkpointOf = async (session: Session, step: number) =>
  packCheckpoint({
    state: { format: 1, step, seed: 3, tokens: 12 * step, lossScale: 1 },
    weights: await session.readParameters(),
    states: await session.readStates(),
  });

test("queries, keys and values lie in one slot, each in rows of its own", () => {
  const [q, k, v] = ["wq", "wk", "wv"].map(
    (name) => packed.parameters.find((p) => p.name === `layers.1.attention.${name}`)!.place,
  );
  expect(new Set([q!.slot, k!.slot, v!.slot]).size).toBe(1);
  expect([q!.rows, k!.rows, v!.rows]).toEqual([
    { start: 0, width: 6, pitch: 10 },
    { start: 6, width: 2, pitch: 10 },
    { start: 8, width: 2, pitch: 10 },
  ]);
  expect(plain.parameters.every(({ place }) => place.rows === undefined)).toBe(true);
  expect(packed.slots.length).toBeLessThan(plain.slots.length);
});

test("parameters begin alike and come back as they were written, all or one by one", async () => {
  expect(initialise(packed, 3)).toEqual(initialise(plain, 3));
  const session = await trained(packed, 0);
  expect(new Map(await session.readParameters())).toEqual(initialise(packed, 3));
  const name = "layers.0.attention.wk";
  session.writeParameters(new Map([[name, new Float32Array(12).fill(2)]]));
  const after = await session.readParameters();
  for (const [key, value] of initialise(packed, 3))
    expect(Array.from(after.get(key)!), key).toEqual(Array.from(key === name ? value.fill(2) : value));
  session.dispose();
});

test("a checkpoint is the same bytes, and a run goes on in the other program", async () => {
  const [a, b] = [await trained(plain, 0), await trained(packed, 0)];
  const [ofPlain, ofPacked] = [await checkpointOf(a, 0), await checkpointOf(b, 0)];
  expect([...ofPacked]).toEqual([...ofPlain]);
  a.dispose();
  b.dispose();
});

test("five steps are the same but for rounding, and go on across levels", async () => {
  const [a, b] = [await trained(plain, 5), await trained(packed, 5)];
  const [exact, found] = [await a.readParameters(), await b.readParameters()];
  for (const [name, values] of exact)
    for (let n = 0; n < values.length; n++)
      expect(Math.abs(found.get(name)![n]! - values[n]!), `${name}[${n}]`).toBeLessThan(bound);
  const stored = await openCheckpoint(plain, await checkpointOf(b, 5));
  const resumed = await createSession(plain, device);
  resumed.writeParameters(stored.weights);
  resumed.writeStates(stored.states);
  expect([...(await checkpointOf(resumed, 5))]).toEqual([...(await checkpointOf(b, 5))]);
  for (const session of [a, b, resumed]) session.dispose();
});
