/** Caches in the schedule: written in place where nothing is lost by it, and what is read of them is what the graph says. */
import { describe, expect, test } from "vitest";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Built, Graph, Node } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { topological } from "../../compiler/ir/rewrite.js";
import type { Axis } from "../../compiler/ir/shape.js";
import { evaluateSize, symbol } from "../../compiler/ir/shape.js";
import type { CacheInfo } from "../../compiler/passes/decoding/graphs.js";
import { runPipeline } from "../../compiler/passes/pipeline.js";
import type { EntryName, Schedule } from "../../compiler/passes/schedule.js";
import { schedule } from "../../compiler/passes/schedule.js";
import { createDraw, randomTensor } from "../support/numbers.js";
import type { Memory, Values } from "../support/run-schedule.js";
import { allocate, readPlace, runEntry, writePlace } from "../support/run-schedule.js";
import { handMade, handMadeSizes } from "./hand-made.js";

const scalar = (value: number): Tensor<number> => ({ sizes: [], data: Float64Array.of(value) });
const integers = (sizes: readonly number[], values: readonly number[]): Tensor<number> => ({
  sizes,
  data: Float64Array.from(values),
});

function scheduled(
  graphs: readonly { readonly name: EntryName; readonly graph: Graph | undefined }[],
  built: Built,
  caches: readonly CacheInfo[],
  b: Builder,
): Schedule {
  const kernels = graphs.flatMap(({ name, graph }) =>
    graph ? [{ name, graph: runPipeline(graph, { level: 2, builder: b, verify: true }) }] : [],
  );
  return schedule(kernels, built, { caches, symbol: "T" });
}

/** Writes a leaf where it lies. */
function fill(
  plan: Schedule,
  memory: Memory,
  lengths: Readonly<Record<string, number>>,
  values: Values,
): void {
  for (const [slot, { role, name, sizes }] of plan.slots.entries()) {
    const value = values[name];
    if (role === "temporary" || !value) continue;
    const { count, elements } = sizes[0]!;
    const place = { slot, turn: 0, stride: elements, length: elements, stacked: count > 1, count };
    writePlace(memory, place, value, lengths);
  }
}

function expectClose(actual: Tensor<number>, expected: Tensor<number>, what: string): void {
  expect(actual.sizes).toEqual(expected.sizes);
  for (let n = 0; n < expected.data.length; n++)
    expect(Math.abs(actual.data[n]! - expected.data[n]!), `${what}[${n}]`).toBeLessThan(1e-11);
}

describe("the hand-made model", () => {
  const b = createBuilder();
  const { built, decoding } = handMade(b);
  const { context, vocab, chunk } = handMadeSizes;
  const lengths = { B: 2, S: 3, C: 20, P: 0 };
  const draw = createDraw(3);
  const weights = Object.fromEntries(
    topological(built.forward).flatMap((node) =>
      node.op === "input" && node.attributes.kind === "parameter"
        ? [
            [
              node.attributes.name,
              randomTensor(
                draw,
                node.shape.map(({ size }) => size as number),
              ),
            ] as const,
          ]
        : [],
    ),
  );
  const total = 14;
  const ids = Array.from({ length: 2 * total }, () => Math.floor(draw() * vocab));
  const source = integers([2, 3], [1, 2, 3, 4, 5, 6]);
  const tokensAt = (from: number, to: number): Tensor<number> =>
    integers(
      [2, to - from],
      [0, 1].flatMap((row) => ids.slice(row * total + from, row * total + to)),
    );
  const { logits } = interpret(built.forward, f64, {
    inputs: { ...weights, source, tokens: tokensAt(0, total) },
    lengths: { ...lengths, T: total },
  });
  const rowsOf = ({ sizes, data }: Tensor<number>, from: number, to: number): Tensor<number> => {
    const [rows, length, width] = sizes as [number, number, number];
    const parts = Array.from({ length: rows }, (_, row) =>
      Array.from(data).slice((row * length + from) * width, (row * length + to) * width),
    );
    return integers([rows, to - from, width], parts.flat());
  };
  const splits = [
    [4, 5, 6, 7, 11, 12, 14],
    Array.from({ length: total }, (_, n) => n + 1),
    [1, 4, 8, 9, 13, 14],
  ];

  test("its step graph is its forward graph, step by step", () => {
    for (const split of splits) {
      let kept: Values = Object.fromEntries(
        decoding.caches.map(({ name, shape }) => {
          const sizes = shape.map(({ size }) => evaluateSize(size, lengths));
          return [name, { sizes, data: new Float64Array(sizes.reduce((p, q) => p * q, 1)) }];
        }),
      );
      const run = (graph: Graph, inputs: Values, more: object): Values => {
        const found = interpret(graph, f64, {
          inputs: { ...weights, ...kept, ...inputs },
          lengths: { ...lengths, ...more },
        });
        const written = Object.entries(found).filter(([name]) => name.startsWith("cache."));
        kept = { ...kept, ...Object.fromEntries(written.map(([name, value]) => [name.slice(6), value])) };
        return found;
      };
      run(decoding.encode!, { source }, {});
      split.forEach((to, n) => {
        const from = split[n - 1] ?? 0;
        expect(to - from).toBeLessThanOrEqual(chunk);
        const inputs = { tokens: tokensAt(from, to), position: scalar(from) };
        const found = run(decoding.step, inputs, { T: to - from });
        expectClose(found["logits"]!, rowsOf(logits!, from, to), `logits ${from}..${to}`);
      });
    }
    expect(context).toBeGreaterThanOrEqual(total);
  });

  const plan = scheduled(
    [
      { name: "forward", graph: built.forward },
      { name: "encode", graph: decoding.encode },
      { name: "step", graph: decoding.step },
      { name: "reorder", graph: decoding.reorder },
    ],
    built,
    decoding.caches,
    b,
  );
  const entry = (name: EntryName) => plan.entries.find((one) => one.name === name)!;

  test("so is its schedule, over slots that hold caches between entries", () => {
    for (const split of splits) {
      const longest = { ...lengths, T: context };
      const memory = allocate(plan, longest);
      fill(plan, memory, longest, weights);
      const cleared = plan.slots.map(({ role }) => role === "cache");
      for (const [n, slot] of memory.slots.entries()) if (cleared[n]) slot.fill(0);
      const run = (name: EntryName, values: Values, more: object): Values => {
        fill(plan, memory, { ...longest, ...more }, values);
        return runEntry(entry(name), plan, memory, values, { ...longest, ...more });
      };
      run("encode", { source }, {});
      let swapped = false;
      split.forEach((to, n) => {
        const from = split[n - 1] ?? 0;
        const swap = (rows: Tensor<number>): Tensor<number> => {
          const { sizes, data } = rows;
          const half = data.length / 2;
          const all = Array.from(data);
          return swapped ? integers(sizes, [...all.slice(half), ...all.slice(0, half)]) : rows;
        };
        const inputs = { tokens: swap(tokensAt(from, to)), position: scalar(from) };
        const found = run("step", inputs, { T: to - from });
        expectClose(found["logits"]!, swap(rowsOf(logits!, from, to)), `logits ${from}..${to}`);
        if (n % 2 === 0) {
          run("reorder", { parent: integers([2], [1, 0]) }, {});
          swapped = !swapped;
        }
      });
    }
  });

  test("a step copies no cache, reorder copies each once", () => {
    const isCopy = ({ label }: { readonly label: string }): boolean => label === "copy";
    expect(entry("step").steps.filter(isCopy)).toEqual([]);
    expect(entry("encode").steps.filter(isCopy)).toEqual([]);
    expect(entry("reorder").steps.filter(isCopy)).toHaveLength(decoding.caches.length);
    const updates = entry("step").steps.filter(({ body }) => body.outputs[0]!.node.op === "update");
    expect(updates).toHaveLength(2 * handMadeSizes.turns + 4);
    for (const { reads, writes } of updates) {
      expect(plan.slots[writes[0]!.slot]!.role).toBe("cache");
      expect(reads).toContainEqual(writes[0]);
    }
  });
});

describe("what is written over a cache, whatever else reads it", () => {
  const C: Axis = { name: "c", size: symbol("C") };
  const T: Axis = { name: "t", size: symbol("T") };
  const lengths = { B: 1, T: 2, C: 5, P: 0 };
  const info = (name: string, turns?: number): CacheInfo => ({
    ...{ name, kind: "positions", dtype: "f32", turns },
    shape: turns === undefined ? [C] : [{ name: "layer", size: turns }, C],
  });
  type Outputs = Readonly<Record<string, Node>>;
  const leafOf = (b: Builder, name: string): Node => b.input("cache", name, info(name).shape, "f32");
  const cases: Readonly<Record<string, (b: Builder, a: Node, c: Node, rows: Node, at: Node) => Outputs>> = {
    "read after": (b, a, _, rows, at) => {
      const next = b.update(a, rows, at, 0);
      return { "cache.a": next, y: b.sum(next, [0]) };
    },
    "read before": (b, a, _, rows, at) => ({ "cache.a": b.update(a, rows, at, 0), y: b.sum(a, [0]) }),
    "read before and after": (b, a, _, rows, at) => {
      const next = b.update(a, rows, at, 0);
      const sum = b.sum(next, [0]);
      return { y: b.add(sum, b.sum(b.mul(a, b.broadcastTo(sum, a.shape, [-1])), [0])), "cache.a": next };
    },
    "rows of the cache itself": (b, a, _, rows, at) => {
      const own = b.broadcastTo(b.sum(a, [0]), rows.shape, [-1]);
      return { "cache.a": b.update(a, b.add(b.slice(a, 0, 0, T.size), own), at, 0) };
    },
    twice: (b, a, _, rows, at) => {
      const once = b.update(a, rows, at, 0);
      const twice = b.update(once, b.mul(rows, rows), b.add(at, b.const(1, "i32")), 0);
      return { "cache.a": twice, y: b.sum(once, [0]), z: b.sum(twice, [0]) };
    },
    "given out as it was": (b, a, _, rows, at) => ({ before: a, "cache.a": b.update(a, rows, at, 0) }),
    "not changed": (_, a) => ({ "cache.a": a }),
    exchanged: (_, a, c) => ({ "cache.a": c, "cache.c": a }),
    "one over the other": (b, a, c, rows, at) => ({
      "cache.a": b.update(c, rows, at, 0),
      "cache.c": b.update(a, rows, at, 0, true),
    }),
    "turned round": (b, a) => {
      const last = b.sub(b.length(C.size, "i32"), b.const(1, "i32"));
      const ids = b.sub(b.broadcastTo(last, [C], [-1]), b.iota([C], 0));
      return { "cache.a": b.gather(a, ids, 0), y: b.sum(a, [0]) };
    },
    "each element from itself": (b, a) => ({ "cache.a": b.add(b.mul(a, a), b.const(1, "f32")) }),
    "a sum over itself": (b, a) => ({ "cache.a": b.mul(a, b.broadcastTo(b.sum(a, [0]), a.shape, [-1])) }),
    "one result for two": (b, a, c, rows, at) => {
      const next = b.update(a, rows, at, 0);
      return { "cache.a": next, "cache.c": next, y: b.sum(c, [0]) };
    },
    "of a value that is no cache": (b, a, c, rows, at) => {
      const x = b.mul(a, c);
      return {
        y: b.update(x, rows, at, 0),
        z: b.sum(x, [0]),
        w: b.update(b.iota([C], 0), b.iota([T], 0), at, 0),
      };
    },
  };

  test.each(Object.keys(cases))("%s", (name) => {
    const b = createBuilder();
    const [a, c] = [leafOf(b, "a"), leafOf(b, "c")];
    const rows = b.input("input", "rows", [T], "f32");
    const at = b.input("scalar", "position", [], "i32");
    const outputs = Object.entries(cases[name]!(b, a, c, rows, at)).map(([key, node]) => ({
      name: key,
      node,
    }));
    expectMeaning(b, { name: "step", outputs }, [info("a"), info("c")]);
  });

  /** A region whose turns each have a slice of two caches, and a weight. */
  type Turn = (b: Builder, x: Node, a: Node, c: Node) => readonly Node[];
  const turns: Readonly<Record<string, Turn>> = {
    "in place": (b, x, a, c) => {
      const at = b.input("scalar", "position", [], "i32");
      const next = b.update(a, x, at, 0);
      return [b.mul(x, b.broadcastTo(b.sum(next, [0]), [T], [-1])), next, b.update(c, x, at, 0)];
    },
    "the old value later": (b, x, a, c) => {
      const at = b.input("scalar", "position", [], "i32");
      const next = b.update(a, x, at, 0);
      const sum = b.sum(b.mul(a, b.broadcastTo(b.sum(next, [0]), [C], [-1])), [0]);
      return [b.add(x, b.broadcastTo(sum, [T], [-1])), next, c];
    },
    exchanged: (_, x, a, c) => [x, c, a],
    "not updated but computed": (b, x, a, c) => {
      const last = b.broadcastTo(b.const(4, "i32"), [C], [-1]);
      const turned = b.gather(a, b.sub(last, b.iota([C], 0)), 0);
      return [b.mul(x, b.broadcastTo(b.sum(a, [0]), [T], [-1])), turned, b.add(c, a)];
    },
  };

  test.each(Object.keys(turns))("in a repeat: %s", (name) => {
    const b = createBuilder();
    const stack = (key: string): Node => b.input("cache", key, info(key, 3).shape, "f32");
    const slice = (n: number): Node => b.input("slice", `slice.${n}`, [C], "f32");
    const made = turns[name]!(b, b.input("carry", "carry.0", [T], "f32"), slice(0), slice(1));
    const body = { name: "turn", outputs: made.map((node, n) => ({ name: `out.${n}`, node })) };
    for (const reverse of [false, true]) {
      const attributes = { body, first: 0, count: 3, reverse, carries: 1, slices: 2 };
      const rows = b.input("input", "rows", [T], "f32");
      const region = b.repeat([rows, stack("a"), stack("c")], attributes);
      const outputs = ["y", "cache.a", "cache.c"].map((key, n) => ({ name: key, node: b.get(region, n) }));
      expectMeaning(b, { name: "step", outputs }, [info("a", 3), info("c", 3)]);
    }
  });

  /** Outputs and caches after the schedule are what the graph says. */
  function expectMeaning(b: Builder, graph: Graph, caches: readonly CacheInfo[]): void {
    const built = { parameters: [], lengths: { T: { axis: "t", maximum: 5 } } } as unknown as Built;
    const plan = scheduled([{ name: "step", graph }], built, caches, b);
    const draw = createDraw(7);
    for (const at of [0, 2, 4]) {
      const values: Values = {
        position: scalar(at),
        rows: randomTensor(draw, [2]),
        ...Object.fromEntries(
          caches.map(({ name, shape }) => {
            const sizes = shape.map(({ size }) => evaluateSize(size, lengths));
            return [name, randomTensor(draw, sizes)];
          }),
        ),
      };
      const memory = allocate(plan, lengths);
      fill(plan, memory, lengths, values);
      const expected = interpret(graph, f64, { inputs: values, lengths });
      const actual = runEntry(plan.entries[0]!, plan, memory, values, lengths);
      for (const { name, place, shape } of plan.entries[0]!.outputs) {
        expectClose(actual[name]!, expected[name]!, name);
        expectClose(readPlace(memory, place, shape, lengths), expected[name]!, name);
        if (name.startsWith("cache.")) expect(plan.slots[place.slot]).toMatchObject({ name: name.slice(6) });
      }
    }
  }
});
