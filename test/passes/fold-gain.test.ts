/** Gains folded into projections: where, that every pass's check agrees, what is prepared on a device, when anew, and in how much memory. */
import { beforeAll, describe, expect, test } from "vitest";
import type { CompileOptions } from "../../compiler/index.js";
import { compile, verify } from "../../compiler/index.js";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { evaluate } from "../../compiler/laws/evaluate.js";
import { drawParameters } from "../../compiler/laws/values.js";
import { foldGain, prepareGraph } from "../../compiler/passes/fold_gain.js";
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

  test("a parallel block's norm goes into all of its readers, packed or not", () => {
    const one = compiled(decoder("  norm = layer_norm\n  norm_at = parallel\n  tied = true"));
    expect(one.diagnostics).toEqual([]);
    expect(placesOf(one).join()).toMatch(/wq.*w1/);
  });
});

interface Sizes {
  readonly t: number;
  readonly d: number;
  readonly n: number;
}

/** Rows scaled by r and g, shifted by c, read by two projections and, where `also`, by something else. */
function twice(b: Builder, { t, d, n }: Sizes, also: boolean): Graph {
  const axis = (name: string, size: number) => ({ name, size });
  const rows = [axis("t", t), axis("d", d)];
  const parameter = (name: string, shape: readonly { name: string; size: number }[]) =>
    b.input("parameter", name, shape, "f32");
  const x = b.input("input", "x", rows, "f32");
  const r = b.rsqrt(b.add(b.sum(b.mul(x, x), [1]), b.const(0.5, "f32")));
  const along = (node: Node, from: readonly number[]) => b.broadcastTo(node, rows, from);
  const scaled = b.mul(
    along(b.add(b.const(1, "f32"), parameter("g", [rows[1]!])), [-1, 0]),
    b.mul(x, along(r, [0, -1])),
  );
  const h = b.sub(scaled, along(parameter("c", [rows[1]!]), [-1, 0]));
  const labels = { a: ["t", "d"], b: ["d", "n"], out: ["t", "n"] };
  const first = b.contract(h, parameter("w", [rows[1]!, axis("n", n)]), labels);
  const bias = b.broadcastTo(parameter("b", [axis("n", n)]), first.shape, [-1, 0]);
  const second = b.contract(h, parameter("v", [axis("n", n), rows[1]!]), { ...labels, b: ["n", "d"] });
  return {
    name: "forward",
    outputs: [
      { name: "first", node: b.add(first, bias) },
      { name: "second", node: second },
      ...(also ? [{ name: "third", node: b.tanh(h) }] : []),
    ],
  };
}

const numbers = (count: number, seed: number) =>
  Float64Array.from({ length: count }, (_, n) => Math.sin(12.9898 * (n + 1) + 78.233 * seed));

describe("by hand, in f64", () => {
  for (const t of [1, 4, 7])
    for (const [d, n] of [
      [1, 1],
      [5, 3],
      [13, 17],
    ] as const)
      test(`${t} rows of ${d} to ${n}`, () => {
        const b = createBuilder();
        const folding = foldGain(new Set());
        const written = twice(b, { t, d, n }, false);
        const folded = folding.pass.run(written, { builder: b, level: 2 });
        const shapes = { x: [t, d], g: [d], c: [d], w: [d, n], v: [n, d], b: [n] };
        const values = Object.fromEntries(
          Object.entries(shapes).map(([name, sizes], seed) => [
            name,
            {
              sizes,
              data: numbers(
                sizes.reduce((k, size) => k * size, 1),
                seed,
              ),
            },
          ]),
        );
        const made = Object.entries(evaluate(prepareGraph(folding.prepared()), values, {}));
        const all = { ...values, ...Object.fromEntries(made.map(([name, value]) => [name.slice(9), value])) };
        expect(folding.prepared().map(({ name, of }) => [name, of])).toEqual([
          ["w'", "w"],
          ["b'", "b"],
          ["v'", "v"],
          ["v.bias'", undefined],
        ]);
        expect(topological(folded).filter(({ op }) => op === "input").length).toBe(5);
        const [before, after] = [evaluate(written, values, {}), evaluate(folded, all, {})];
        for (const [name, { data }] of Object.entries(before))
          for (const [k, value] of Array.from(data).entries())
            expect(after[name]!.data[k]).toBeCloseTo(value, 11);
      });

  test("what something else reads stays, and is told", () => {
    const b = createBuilder();
    const written = twice(b, { t: 4, d: 5, n: 3 }, true);
    const told: string[] = [];
    const explain = (_: Node, why: string): void => void told.push(why);
    const run = foldGain(new Set()).pass.run(written, { builder: b, level: 2, explain });
    expect(graphKey(run)).toBe(graphKey(written));
    expect(told).toEqual(["its gain stays: tanh reads it too"]);
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
  tied = none

  train { batch = 2 }
}
`;

test("across texts: queries fold their norm; keys and values of another text are read where its norm is not", () => {
  const one = compiled(pairs);
  expect(one.diagnostics).toEqual([]);
  const places = placesOf(one);
  expect(places).toEqual(expect.arrayContaining(["decoder.layers.*.attention_2.wq", "head.table"]));
  expect(places.filter((name) => name.includes("attention_2.wk"))).toEqual([]);
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

  test("what becomes of an array after it was written changes nothing", async () => {
    const { source } = cases[0]!;
    const program = compiled(source).program!;
    const given = drawn(source);
    const session = await opened(program, given);
    for (const values of given.values()) values.fill(0);
    expect(await logits(session)).toEqual(await logits(await opened(program, drawn(source))));
  });

  test("what would train says that nothing here does", async () => {
    const session = await createSession(compiled(cases[0]!.source).program!, device);
    await expect(session.run("grad", { tokens })).rejects.toMatchObject({
      code: "TFM6007",
      hint: expect.stringMatching(/compiled for inference alone/),
    });
  });

  test("what was never written is zero", async () => {
    const { source } = cases[1]!;
    const session = await createSession(compiled(source).program!, device);
    expect([...(await logits(session))].every((x) => x === 0)).toBe(true);
    expect([...(await logits(session))].every((x) => x === 0)).toBe(true);
  });
});
