/** Gains folded into projections: where, that every pass's check agrees, what is prepared on a device, when anew, and in how much memory. */
import { beforeAll, describe, expect, test } from "vitest";
import type { CompileOptions } from "../../compiler/index.js";
import { compile, verify } from "../../compiler/index.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { drawParameters } from "../../compiler/laws/values.js";
import { foldGain } from "../../compiler/passes/fold_gain.js";
import { graphKey } from "../../compiler/passes/walk.js";
import type { Device } from "../../runtime/device.js";
import { createSession, createTrainer, openDevice } from "../../runtime/index.js";
import type { Program } from "../../runtime/program.js";
import type { Session } from "../../runtime/session.js";

const inference = ["loss", "encode", "step", "reorder"] as const;
const training = "  train { batch = 2 }\n";
const decoder = (lines: string): string =>
  `model m : decoder {\n  vocab = 13\n  context = 8\n  d_model = 12\n  layers = 2\n  heads = 3\n  ffn = mlp(hidden: 20)\n${lines}\n${training}}\n`;

interface Case {
  readonly what: string;
  readonly source: string;
  /** Names of the places of what is prepared. */
  readonly prepared: readonly string[];
  /** What the pass says of what it leaves. */
  readonly left?: RegExp;
}

const wqkv = "layers.*.attention.wq+wk+wv";
const cases: readonly Case[] = [
  {
    what: "RMS norm, grouped queries, gate beside up",
    source: decoder(
      "  norm = rms_norm\n  kv_heads = 1\n  bias = false\n  tied = false\n  ffn = swiglu(hidden: 20)",
    ).replace("  ffn = mlp(hidden: 20)\n", ""),
    prepared: ["head.table", wqkv, "layers.*.swiglu.wg+wu"],
  },
  {
    what: "layer norm, whose shifts go into the biases; a tied table stays",
    source: decoder("  norm = layer_norm\n  tied = true"),
    prepared: ["layers.*.attention.bq+bk+bv", wqkv, "layers.*.mlp.b1", "layers.*.mlp.w1"],
    left: /wte.table is read elsewhere too/,
  },
  {
    what: "layer norm before projections without biases",
    source: decoder("  norm = layer_norm\n  bias = false\n  tied = false"),
    prepared: ["head.table", wqkv, "layers.*.mlp.w1"],
  },
  {
    what: "post-norm: the residual sum reads the norm",
    source: decoder("  norm = layer_norm\n  norm_at = post\n  tied = true"),
    prepared: [],
    left: /its gain stays/,
  },
];

const compiled = (source: string, options: CompileOptions = {}) =>
  compile(source, { only: inference, ...options });

const placesOf = (one: ReturnType<typeof compile>): readonly string[] =>
  one.schedule!.slots.flatMap(({ role, name }) => (role === "prepared" ? [name] : [])).sort();

describe("fold_gain", () => {
  for (const { what, source, prepared, left } of cases)
    test(what, () => {
      const told: string[] = [];
      const one = compiled(source, {
        explain: (pass, _, __, why) => void (pass === "fold_gain" && told.push(why)),
      });
      expect(one.diagnostics).toEqual([]);
      for (const name of prepared) expect(placesOf(one)).toContain(name);
      expect(placesOf(one).filter((name) => !name.includes("'"))).toEqual([...prepared].sort());
      if (left) expect(told.join("\n")).toMatch(left);
      const { diagnostics, models } = verify(source);
      expect(diagnostics).toEqual([]);
      const folded = models[0]!.entries.filter(({ passes }) => passes.includes("fold_gain"));
      const names = folded.map(({ entry }) => entry);
      expect(names.filter((name) => ["grad", "train"].includes(name))).toEqual([]);
      if (prepared.length > 0) expect(names).toEqual(expect.arrayContaining(["forward", "loss", "step"]));
    });

  test("is idempotent, and leaves programs that train alone", () => {
    const { built } = compiled(cases[1]!.source);
    const b = createBuilder();
    const stacks = new Set(built!.parameters.flatMap(({ leaf, turn }) => (turn === undefined ? [] : [leaf])));
    const run = (graph: Graph): Graph => foldGain(stacks).pass.run(graph, { builder: b, level: 2 });
    const once = run(built!.forward);
    expect(graphKey(run(once))).toBe(graphKey(once));
    const whole = compile(cases[1]!.source).program!;
    expect(whole.entries.prepare).toBeUndefined();
    expect(whole.format).toBe(1);
    expect(compiled(cases[1]!.source, { level: 1 }).program!.entries.prepare).toBeUndefined();
  });

  test("a parallel block folds one norm into both of its readers", () => {
    const one = compiled(decoder("  norm = layer_norm\n  norm_at = parallel\n  tied = true"));
    expect(one.diagnostics).toEqual([]);
    expect(placesOf(one)).toEqual(expect.arrayContaining([wqkv, "layers.*.mlp.w1"]));
  });
});

const pairs = `model m : encoder_decoder {
  vocab = 13
  context = 8
  d_model = 12
  layers = 2
  heads = 3
  ffn = mlp(hidden: 20)
  norm = layer_norm
  norm_at = pre
  tied = false

  train { batch = 2 }
}
`;

test("across texts: queries fold their norm; keys and values of another text are read where its norm is not", () => {
  const one = compiled(pairs);
  expect(one.diagnostics).toEqual([]);
  const places = placesOf(one).filter((name) => !name.includes("'"));
  expect(places.some((name) => /cross.*wq$/.test(name))).toBe(true);
  expect(places.some((name) => /cross.*wk/.test(name))).toBe(false);
});

// ---------------------------------------------------------------------- on a device

const tokens = [
  [1, 2, 3, 4, 5],
  [6, 7, 8, 9, 10],
];
let device: Device;
beforeAll(async () => {
  device = await openDevice({ device: "cpu" });
});

async function opened(program: Program, weights: ReadonlyMap<string, Float32Array>): Promise<Session> {
  const session = await createSession(program, device);
  session.writeParameters(weights);
  return session;
}

const drawn = (source: string, seed = 1): ReadonlyMap<string, Float32Array> =>
  new Map(
    [...drawParameters(compiled(source).built!, seed)].map(([name, { data }]) => [
      name,
      Float32Array.from(data as Float64Array),
    ]),
  );

const logits = async (session: Session): Promise<Float32Array> =>
  (await session.run("forward", { tokens }, {}, { read: ["logits"] }))["logits"] as Float32Array;

function expectClose(found: Float32Array, expected: Float32Array): void {
  const scale = Math.max(...expected.map(Math.abs));
  expect(Math.max(...found.map((x, n) => Math.abs(x - expected[n]!)))).toBeLessThan(1e-5 * scale);
}

describe("prepared leaves", () => {
  for (const { what, source } of cases)
    test(`the same numbers in no more memory, and parameters read back as they were: ${what}`, async () => {
      const weights = drawn(source);
      const plain = await opened(compiled(source, { prepare: false }).program!, weights);
      const folded = await opened(compiled(source).program!, weights);
      const first = await logits(folded);
      expectClose(first, await logits(plain));
      expect(await logits(folded)).toEqual(first);
      const [a, b] = [folded, plain].map(({ bytes }) => bytes.persistent) as [number, number];
      // Biases that the model has not are new, and small.
      expect(a).toBeLessThanOrEqual(b + 4 * 256 * 2);
      for (const [name, value] of await folded.readParameters())
        expect([...value]).toEqual([...weights.get(name)!]);
    });

  test("parameters that are written anew, one or all, are prepared anew", async () => {
    const { source } = cases[1]!;
    const program = compiled(source).program!;
    const session = await opened(program, drawn(source));
    await logits(session);
    const others = drawn(source, 2);
    session.writeParameters(others);
    const fresh = await logits(await opened(program, others));
    expect(await logits(session)).toEqual(fresh);
    const [name] = [...others.keys()].filter((one) => one.endsWith("layer_norm.gain"));
    const some = new Map([[name!, others.get(name!)!.map((x) => 3 * x)]]);
    session.writeParameters(some);
    expect(await logits(session)).toEqual(await logits(await opened(program, new Map([...others, ...some]))));
  });

  test("a step of training renews them where a program that trains is told to prepare", async () => {
    const { source } = cases[0]!;
    const whole = compile(source, { prepare: true }).program!;
    expect(whole.entries.prepare).toBeDefined();
    const session = await opened(whole, drawn(source));
    const before = await logits(session);
    const held = session.bytes.persistent;
    await createTrainer(session, { seed: 1 }).step({ tokens });
    const after = await logits(session);
    expect(after).not.toEqual(before);
    const now = new Map(
      [...(await session.readParameters())].map(([name, x]) => [name, Float32Array.from(x)]),
    );
    expect(after).toEqual(await logits(await opened(whole, now)));
    expectClose(after, await logits(await opened(compile(source).program!, now)));
    expect(held).toBeGreaterThan(0);
  });

  test("what was never written is zero", async () => {
    const { source } = cases[1]!;
    const session = await createSession(compiled(source).program!, device);
    expect([...(await logits(session))].every((x) => x === 0)).toBe(true);
    expect([...(await logits(session))].every((x) => x === 0)).toBe(true);
  });
});
