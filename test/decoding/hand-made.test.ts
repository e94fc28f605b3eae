/** A Program with steps, made by hand: step against forward, and texts by steps against texts by whole passes. */
import { describe, expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import { generate, generateSequences } from "../../runtime/generate.js";
import { growingModel } from "../../runtime/growing.js";
import type { Row } from "../../runtime/prefix.js";
import { wholePrefix } from "../../runtime/prefix.js";
import type { Program } from "../../runtime/program.js";
import type { RunOptions, Session } from "../../runtime/session.js";
import { nextLogits, nextTokenOf } from "../../runtime/steps.js";
import { initialise } from "../../runtime/weights.js";
import type { DeviceKind } from "../support/program-runs.js";
import { handMade, handMadeSizes } from "./hand-made.js";
import { emitDecoded, openWith } from "./programs.js";

const b = createBuilder();
const { built, decoding } = handMade(b);
const program = emitDecoded(built, decoding, b);
const model = growingModel(program);
const { vocab, context, chunk } = handMadeSizes;

const open = (kind: DeviceKind, of: Program = program): Promise<Session> =>
  openWith(of, kind, initialise(of, 3));

const idsOf = (count: number, seed: number): readonly number[] =>
  Array.from({ length: count }, (_, n) => ((n + 1) * (seed + 3) * 7919 + seed) % vocab);

const rowOf = (length: number, seed: number, width = 3): Row => ({
  ids: idsOf(length, seed),
  source: idsOf(width, seed + 11),
});

/** Sums of at most a few hundred products of f32, each rounded: C · 2⁻²⁴ of the largest logit. */
function expectNear(found: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(found.length).toBe(wanted.length);
  const most = Array.from(wanted).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  for (let n = 0; n < wanted.length; n++)
    expect(Math.abs(found[n]! - wanted[n]!)).toBeLessThanOrEqual(512 * 2 ** -24 * most);
}

test("the Program says what it keeps, and where", () => {
  expect(program.decoding).toMatchObject({ grown: "tokens", symbol: "T", capacity: "C", chunk });
  expect(program.lengths["C"]).toEqual({ axis: "capacity", maximum: context });
  expect(program.entries.step!.outputs.map(({ name }) => name)).toEqual(["logits"]);
  expect(program.inputs.map(({ name }) => name)).toEqual(["tokens", "source"]);
  expect(nextTokenOf(program)).toEqual({ by: "steps" });
  if (!program.decoding || "refused" in program.decoding) throw new Error("no steps");
  expect(program.decoding.parent).toMatchObject({ name: "parent", shape: [[[1, "B"]]], dtype: "i32" });
  for (const { name, kind, place, shape } of program.decoding.caches) {
    expect(program.slots[place.slot]!.role).toBe("cache");
    expect(place.count ?? 1).toBe(name.startsWith("layers.*") ? handMadeSizes.turns : 1);
    expect(shape).toHaveLength(name.startsWith("layers.*") ? 4 : 3);
    expect(kind).toBe(name.startsWith("ring") ? "ring" : /\.s[kv]$/.test(name) ? "source" : "positions");
  }
});

describe.each(["cpu", "webgpu"] as const)("on %s", (kind) => {
  test("step is forward at every position, however the text is cut up", async () => {
    const session = await open(kind);
    const rows = [rowOf(13, 1), rowOf(13, 2), rowOf(13, 4)];
    const inputs = {
      tokens: rows.map(({ ids }) => [...ids]),
      source: rows.map(({ source }) => [...source!]),
    };
    const { logits } = await session.run("forward", inputs, {}, { read: ["logits"] });
    const whole = logits as Float32Array;
    const options = (capacity: number): RunOptions => ({ lengths: { B: 3, C: capacity, S: 3 } });
    for (const split of [
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
      [4, 8, 12, 13],
      [3, 4, 7, 11, 12, 13],
    ])
      for (const capacity of [13, 24]) {
        await session.run("encode", { source: inputs.source }, {}, options(capacity));
        for (const [n, to] of split.entries()) {
          const from = split[n - 1] ?? 0;
          session.poison(0x7fc00000);
          const found = await session.run(
            "step",
            { tokens: inputs.tokens.map((ids) => ids.slice(from, to)) },
            { position: from },
            { ...options(capacity), read: ["logits"] },
          );
          const width = (to - from) * vocab;
          rows.forEach((_, row) => {
            const wanted = whole.subarray((row * 13 + from) * vocab, (row * 13 + to) * vocab);
            expectNear((found["logits"] as Float32Array).subarray(row * width, (row + 1) * width), wanted);
          });
        }
      }
    session.dispose();
  });

  test("rows in any order, number and length: each goes on from what is held of it", async () => {
    const session = await open(kind);
    const next = nextLogits(session, model, 2);
    const whole = wholePrefix(session, model);
    const one = rowOf(5, 1);
    const grown = (row: Row, ...more: number[]): Row => ({ ...row, ids: [...row.ids, ...more] });
    const other = rowOf(5, 6);
    const texts: readonly (readonly Row[])[] = [
      [one],
      [grown(one, 1), grown(one, 2)],
      [grown(one, 2, 3), grown(one, 2, 4)],
      [grown(one, 2, 4, 1), grown(one, 2, 3, 1)],
      [other, grown(one, 2, 3, 1)],
      [grown(other, 1), grown(one, 2, 3, 1, 5)],
      [grown(one, 2, 3, 1, 5, 5), grown(other, 1, 1)],
      [grown(one, 2, 3), other, one],
      [other, other, other, one],
      [rowOf(context, 3), rowOf(9, 3), rowOf(2, 3)],
      [rowOf(context, 3)],
      Array.from({ length: 9 }, (_, n) => rowOf(4, n)),
      [grown(rowOf(4, 3), 1)],
      [grown(rowOf(4, 3), 1, 2)],
      [rowOf(1, 9)],
    ];
    for (const rows of texts) {
      const [found, wanted] = [await next(rows), await whole(rows)];
      found.forEach((logits, n) => {
        expectNear(logits, wanted[n]!);
      });
    }
    session.dispose();
  });

  test("texts by steps are texts by whole passes", async () => {
    const session = await open(kind);
    const plain = await open(kind, { ...program, decoding: null });
    const requests = [2, 6, 1, 9].map((length, n) => ({ prompt: idsOf(length, n), source: idsOf(4, n + 3) }));
    const ids = (found: readonly (readonly { readonly ids: readonly number[] }[])[]) =>
      found.map((texts) => texts.map((text) => text.ids));
    for (const options of [
      { temperature: 0, maxNewTokens: 9 },
      { temperature: 1.3, topK: 5, seed: 4, maxNewTokens: 9, stop: [0] },
      { beam: 4, count: 3, maxNewTokens: 9, stop: [0] },
      { temperature: 0.9, seed: 1, maxNewTokens: 40, batch: 2 },
    ]) {
      const [by, without] = [
        await generateSequences(session, requests, options),
        await generateSequences(plain, requests, options),
      ];
      expect(ids(by)).toEqual(ids(without));
      expect(ids(await generateSequences(session, requests, options))).toEqual(ids(by));
      by.forEach((texts, n) => {
        texts.forEach(({ score, finished }, k) => {
          expect(score).toBeCloseTo(without[n]![k]!.score, 3);
          expect(finished).toBe(without[n]![k]!.finished);
        });
      });
    }
    for (const one of [session, plain]) one.dispose();
  });
});

async function textOf(
  session: Session,
  prompt: readonly number[],
  options: object,
): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const id of generate(session, prompt, options)) found.push(id);
  return found;
}

const greedily = { temperature: 0, maxNewTokens: 8, source: idsOf(3, 5) };

test("two texts at a time, and parameters that change on the way, disturb no text", async () => {
  const session = await open("cpu");
  const [alone, other] = [await textOf(session, [1, 2, 3], greedily), await textOf(session, [4], greedily)];
  const streams = [generate(session, [1, 2, 3], greedily), generate(session, [4], greedily)];
  const found: number[][] = [[], []];
  for (let n = 0; n < greedily.maxNewTokens; n++)
    for (const [k, stream] of streams.entries()) found[k]!.push((await stream.next()).value as number);
  expect(found).toEqual([alone, other]);

  const stream = generate(session, [1, 2, 3], greedily);
  const ids = [(await stream.next()).value as number, (await stream.next()).value as number];
  session.writeParameters(initialise(program, 8));
  for await (const id of stream) ids.push(id);
  const rest = await textOf(session, [1, 2, 3, ...ids.slice(0, 2)], { ...greedily, maxNewTokens: 6 });
  expect(ids.slice(2)).toEqual(rest);
  session.dispose();
});

test("caches are freed where lengths change, and with the session", async () => {
  const session = await open("cpu");
  const before = session.bytes.persistent;
  const tokens = (rows: number): number[][] => Array.from({ length: rows }, () => [1]);
  const step = (rows: number, capacity: number) =>
    session.run("step", { tokens: tokens(rows) }, { position: 0 }, { lengths: { C: capacity, S: 3 } });
  await step(1, 8);
  const small = session.bytes.persistent;
  await step(4, 24);
  const large = session.bytes.persistent;
  expect(large).toBeGreaterThan(small);
  await step(1, 8);
  expect(session.bytes.persistent).toBe(small);
  expect(small).toBeGreaterThan(before);
  session.dispose();
  await expect(step(1, 8)).rejects.toThrow(/TFM6009/);
});

test("what a text before left does not matter, not even where it is no number", async () => {
  const session = await open("cpu");
  const wanted = await textOf(session, [1, 2, 3], greedily);
  const broken = initialise(program, 3);
  session.writeParameters(new Map([["wte", new Float32Array(broken.get("wte")!.length).fill(Number.NaN)]]));
  await session.run(
    "step",
    { tokens: [[1, 1, 1, 1]] },
    { position: 0 },
    { lengths: { B: 1, C: context, S: 3 } },
  );
  session.writeParameters(broken);
  expect(await textOf(session, [1, 2, 3], greedily)).toEqual(wanted);
  session.dispose();
});

describe("what makes no sense is refused", () => {
  const tokens = (count: number) => ({ tokens: [new Array(count).fill(1)] });
  test.each([
    [
      tokens(chunk + 1),
      { position: 0 },
      { C: 24, S: 3 },
      /TFM6005: `step` was given 5 new tokens; it takes 4 at a time/,
    ],
    [tokens(3), { position: 6 }, { C: 8, S: 3 }, /TFM6005: Position 6 and 3 new tokens .* capacity, 8/],
    [tokens(1), { position: -1 }, { C: 8, S: 3 }, /TFM6005: The position is -1/],
    [tokens(1), { position: 0.5 }, { C: 8, S: 3 }, /TFM6005: The position is 0.5/],
    [tokens(1), { position: 0 }, { S: 3 }, /TFM6005: The caches need the length `capacity`.*C: …/],
    [tokens(1), { position: 0 }, { C: 8 }, /TFM6005: The caches need the length `s`/],
    [tokens(1), { position: 0 }, { C: context + 1, S: 3 }, /`capacity` is 25; the program holds at most 24/],
  ])("%j at %j for %j", async (inputs, scalars, lengths, message) => {
    const session = await open("cpu");
    await expect(session.run("step", inputs, scalars, { lengths: lengths as never })).rejects.toThrow(
      message,
    );
    session.dispose();
  });

  test("steps of a program that has none", async () => {
    const refusal = { code: "TFM4101", message: "`attention` looks ahead." };
    const { step, encode, reorder, ...entries } = program.entries;
    expect([step, encode, reorder].every((entry) => entry !== undefined)).toBe(true);
    const none: Program = { ...program, entries, decoding: { refused: refusal } };
    expect(nextTokenOf(none)).toEqual({ by: "whole passes", why: refusal });
    const session = await open("cpu", none);
    await expect(session.run("step", tokens(1))).rejects.toThrow(/has no entry `step`.*looks ahead/);
    expect(await textOf(session, [1, 2, 3], greedily)).toHaveLength(8);
    session.dispose();
  });
});
