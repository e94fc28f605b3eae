/** Generation by whole forward passes: batches against one text at a time, streams and encoder–decoders, models that look ahead. */
import { describe, expect, test } from "vitest";
import { generate, generateSequences } from "../../runtime/generate.js";
import { growingModel } from "../../runtime/growing.js";
import type { Row } from "../../runtime/prefix.js";
import { fewSizes, wholePrefix } from "../../runtime/prefix.js";
import type { Program } from "../../runtime/program.js";
import { distribution, greedy } from "../../runtime/sample.js";
import type { Session } from "../../runtime/session.js";
import { createSession } from "../../runtime/session.js";
import { initialise } from "../../runtime/weights.js";
import { compileModel, sharedDevice } from "../support/program-runs.js";
import { toy } from "./toy.js";

const streamText = (mask: string): string => `model stream(v = 5, d = 8, context = 11) {
  input tokens[t <= context] : int(v)
  use wte = embedding(v, d, std: 0.9)
  x = wte(tokens) + learned_position(tokens, context, d, std: 0.9)
  x = x + attention(x, 2, mask: ${mask}, std: 0.9)
  output logits = unembed(x, wte.table)
  loss cross_entropy(logits, next(tokens))
}`;

const pairText = (mask: string): string => `model pairs(v = 5, w = 4, d = 8, context = 12) {
  input source[s <= context] : int(v)
  input target[t <= context] : int(w)
  use from = embedding(v, d, std: 0.9)
  use to = embedding(w, d, std: 0.9)
  memory = from(source) + learned_position(source, context, d, std: 0.9)
  x = to(target) + learned_position(target, context, d, std: 0.9)
  x = x + attention(x, 2, mask: causal, std: 0.9)
  x = x + attention(x, 2, memory: memory, mask: ${mask}, std: 0.9)
  output logits = unembed(x, to.table)
  loss cross_entropy(logits, next(target))
}`;

const programs = new Map<string, Program>();

async function sessionOf(text: string, kind: "cpu" | "webgpu" = "cpu"): Promise<Session> {
  const program = programs.get(text) ?? compileModel(text, {}).program;
  programs.set(text, program);
  const session = await createSession(program, await sharedDevice(kind));
  session.writeParameters(initialise(program, 3));
  return session;
}

async function idsOf(stream: AsyncIterable<number>): Promise<readonly number[]> {
  const ids: number[] = [];
  for await (const id of stream) ids.push(id);
  return ids;
}

/** One forward pass over exactly this row. */
async function exactLogits(session: Session, { ids, source }: Row): Promise<Float32Array> {
  const { grown, source: from, vocabulary } = growingModel(session.program);
  const inputs = { [grown.name]: [[...ids]], ...(from && { [from.name]: [[...source!]] }) };
  const { logits } = await session.run("forward", inputs, {}, { read: ["logits"] });
  return (logits as Float32Array).slice(-vocabulary);
}

async function greedily(
  session: Session,
  row: Row,
  count: number,
  stop?: number,
): Promise<readonly number[]> {
  const added: number[] = [];
  const { longest } = growingModel(session.program).grown;
  while (added.length < count && (added.length === 0 || added.at(-1) !== stop)) {
    const ids = [...row.ids, ...added].slice(-longest);
    added.push(greedy(await exactLogits(session, { ...row, ids })));
  }
  return added;
}

describe.each(["causal", "full"])("a stream with a %s mask", (mask) => {
  const prompts = [[1, 2, 3], [4], [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 1, 2], [2, 2]];

  test("greedy: one at a time, in a batch of ragged prompts, and by exact passes", async () => {
    const session = await sessionOf(streamText(mask));
    const requests = prompts.map((prompt) => ({ prompt }));
    const greedyOptions = { maxNewTokens: 12, temperature: 0 };
    const together = await generateSequences(session, requests, greedyOptions);
    const byTwos = await generateSequences(session, requests, { ...greedyOptions, batch: 2 });
    expect(byTwos.map(([text]) => text!.ids)).toEqual(together.map(([text]) => text!.ids));
    for (const [n, prompt] of prompts.entries()) {
      const wanted = await greedily(session, { ids: prompt }, 12);
      expect(await idsOf(generate(session, prompt, greedyOptions))).toEqual(wanted);
      expect(together[n]!.map(({ ids, finished }) => ({ ids, finished }))).toEqual([
        { ids: wanted, finished: false },
      ]);
    }
    session.dispose();
  });

  test("a beam of one is greedy; a wider one finds texts at least as good", async () => {
    const session = await sessionOf(streamText(mask));
    const requests = prompts.map((prompt) => ({ prompt }));
    const common = { maxNewTokens: 5, stop: [0] };
    const drawn = await generateSequences(session, requests, { ...common, temperature: 0 });
    const beam1 = await generateSequences(session, requests, { ...common, beam: 1 });
    const all = await generateSequences(session, requests, { ...common, beam: 5 ** 4, count: 3 });
    beam1.forEach(([text], n) => {
      expect(text!.ids).toEqual(drawn[n]![0]!.ids);
      expect(text!.score).toBeCloseTo(drawn[n]![0]!.score, 5);
      expect(all[n]).toHaveLength(3);
      expect(all[n]![0]!.score).toBeGreaterThanOrEqual(text!.score - 1e-6);
    });
    session.dispose();
  });
});

describe.each(["padding(valid(source))", "full"])("an encoder–decoder with %s on its source", (mask) => {
  const sources = [[1, 2, 3, 4, 1], [2], [0, 0, 3], [4, 3, 2, 1, 0, 1, 2, 3], [1, 1, 1]];
  const [bos, eos] = [3, 0];

  test("ragged sources in one batch give what each gives alone", async () => {
    const session = await sessionOf(pairText(mask));
    const options = { bos, stop: [eos], maxNewTokens: 6, temperature: 0 };
    const together = await generateSequences(
      session,
      sources.map((source) => ({ source })),
      options,
    );
    for (const [n, source] of sources.entries()) {
      const wanted = await greedily(session, { ids: [bos], source }, 6, eos);
      expect(together[n]!.map(({ ids }) => ids)).toEqual([wanted]);
      expect(await idsOf(generate(session, [bos], { ...options, source }))).toEqual(wanted);
    }
    session.dispose();
  });

  test("beams of several sources, and the n best", async () => {
    const session = await sessionOf(pairText(mask));
    const options = { bos, stop: [eos], maxNewTokens: 5, beam: 4, count: 2 };
    const together = await generateSequences(
      session,
      sources.map((source) => ({ source })),
      options,
    );
    for (const [n, source] of sources.entries()) {
      const [alone] = await generateSequences(session, [{ source }], options);
      expect(alone!.map(({ ids }) => ids)).toEqual(together[n]!.map(({ ids }) => ids));
      for (const { ids, logProbability, score } of alone!) {
        let sum = 0;
        for (const [at, id] of ids.entries()) {
          const logits = await exactLogits(session, { ids: [bos, ...ids.slice(0, at)], source });
          sum += Math.log(distribution(logits, {}).find((candidate) => candidate.id === id)!.probability);
        }
        expect(logProbability).toBeCloseTo(sum, 4);
        expect(score).toBeCloseTo(sum / ((5 + ids.length) / 6) ** 0.6, 4);
      }
    }
    session.dispose();
  });
});

test("a target begins with a prompt and ends at its window; 50 more than the source is the most", async () => {
  const session = await sessionOf(pairText("full"));
  const requests = [{ source: [1, 2], prompt: [3, 1, 1] }];
  const [[text]] = (await generateSequences(session, requests, { temperature: 0 })) as never as [
    [{ ids: number[] }],
  ];
  expect(text.ids).toHaveLength(12 - 3 + 1);
  expect(text.ids).toEqual(await greedily(session, { ids: [3, 1, 1], source: [1, 2] }, 10));
  session.dispose();
});

test("the same on WebGPU as on the CPU", async () => {
  const [cpu, gpu] = [await sessionOf(pairText("full")), await sessionOf(pairText("full"), "webgpu")];
  const requests = [
    [1, 2, 3],
    [4, 4, 1],
  ].map((source) => ({ source }));
  const options = { bos: 3, stop: [0], maxNewTokens: 4, beam: 3, count: 2 };
  const [a, b] = [
    await generateSequences(cpu, requests, options),
    await generateSequences(gpu, requests, options),
  ];
  expect(b.map((texts) => texts.map(({ ids }) => ids))).toEqual(
    a.map((texts) => texts.map(({ ids }) => ids)),
  );
  for (const session of [cpu, gpu]) session.dispose();
});

test("drawn texts follow the model's distribution and depend on the seed and their number alone", async () => {
  const session = await sessionOf(streamText("causal"));
  const requests = Array.from({ length: 4000 }, () => ({ prompt: [1, 2] }));
  const options = { maxNewTokens: 1, temperature: 5, topK: 4, seed: 5 };
  const first = (await generateSequences(session, requests, options)).map(([text]) => text!.ids[0]!);
  const wanted = distribution(await exactLogits(session, { ids: [1, 2] }), options);
  const chi2 = wanted.reduce((sum, { id, probability }) => {
    const due = requests.length * probability;
    return sum + (first.filter((drawn) => drawn === id).length - due) ** 2 / due;
  }, 0);
  expect(new Set(first).size).toBe(4);
  expect(chi2).toBeLessThan(21.1); // 3 degrees of freedom: p = 1e-4
  const again = await generateSequences(session, requests.slice(0, 50), { ...options, batch: 7 });
  expect(again.map(([text]) => text!.ids[0])).toEqual(first.slice(0, 50));
  expect(await idsOf(generate(session, [1, 2], options))).toEqual([first[0]]);
  session.dispose();
});

test("passes have few shapes", async () => {
  const sizes = Array.from({ length: 300 }, (_, n) => fewSizes(n + 1, 1000, 4));
  expect(sizes.every((size, n) => size >= n + 1 && size <= Math.max(4, 1.25 * (n + 1) + 3))).toBe(true);
  expect(new Set(sizes).size).toBeLessThanOrEqual(24);
  expect(fewSizes(300, 301, 4)).toBe(301);
  const session = await createSession(toy, await sharedDevice("cpu"));
  session.writeParameters(initialise(toy, 7));
  const next = wholePrefix(session, growingModel(toy));
  const rows = [{ ids: [1, 2, 3] }, { ids: [4] }, { ids: [5, 6, 7, 0, 1] }];
  const found = await next(rows);
  for (const [n, row] of rows.entries()) {
    const wanted = await exactLogits(session, row);
    found[n]!.forEach((logit, id) => {
      expect(Math.abs(logit - wanted[id]!)).toBeLessThanOrEqual(1e-6);
    });
  }
  session.dispose();
});

describe("what makes no sense is refused", () => {
  test.each([
    [{ beam: 0 }, /TFM6401: beam 0/],
    [{ beam: 2, count: 3 }, /TFM6401: count 3/],
    [{ count: 2 }, /TFM6401: count 2/],
    [{ beam: 2, temperature: 0.5 }, /TFM6401: .*temperature/],
    [{ beam: 2, lengthPenalty: Number.NaN }, /TFM6401: lengthPenalty/],
    [{ batch: 0 }, /TFM6401: batch 0/],
  ])("%j", async (options, message) => {
    const session = await sessionOf(streamText("causal"));
    await expect(generateSequences(session, [{ prompt: [1] }], options)).rejects.toThrow(message);
    session.dispose();
  });

  test("prompts, sources and models that do not fit", async () => {
    const stream = await sessionOf(streamText("causal"));
    const pairs = await sessionOf(pairText("full"));
    const refusal = (session: Session, request: object, options = {}) =>
      expect(
        generateSequences(
          session,
          [{ prompt: [1], source: session === pairs ? [1] : undefined }, request],
          options,
        ),
      ).rejects;
    await refusal(stream, {}).toThrow(/TFM6005: The prompt \(number 2\) is empty/);
    await refusal(stream, { prompt: [1], source: [2] }).toThrow(/takes none/);
    await refusal(pairs, { prompt: [1] }).toThrow(/no source \(number 2\)/);
    await refusal(pairs, { source: [1] }).toThrow(/`bos` names it/);
    await refusal(pairs, { source: [], prompt: [1] }).toThrow(/source \(number 2\) is empty/);
    await refusal(pairs, { source: new Array(13).fill(1), prompt: [1] }).toThrow(
      /13 tokens; `source` holds at most 12/,
    );
    await refusal(pairs, { source: [1], prompt: new Array(13).fill(1) }).toThrow(
      /13 tokens; `target` holds at most 12/,
    );
    await expect(idsOf(generate(stream, []))).rejects.toThrow(/TFM6005: The prompt is empty/);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(generateSequences(stream, [{ prompt: [1] }], { beam: 2, signal })).rejects.toThrow("enough");
    await expect(generateSequences(stream, [{ prompt: [1] }], { signal })).rejects.toThrow("enough");
    const outputs = toy.entries.forward.outputs.filter(({ name }) => name === "x");
    const noLogits = {
      ...toy,
      entries: { ...toy.entries, forward: { ...toy.entries.forward, outputs: [] } },
    };
    expect(outputs).toHaveLength(1);
    expect(() => growingModel(noLogits)).toThrow(/TFM6203: `toy` does not generate: it gives no logits/);
    const oneLength = compileModel(pairText("full").replace("target[t <= context]", "target[s]"), {}).program;
    expect(() => growingModel(oneLength)).toThrow(/TFM6203: `pairs` does not generate: .* have one length/);
    for (const session of [stream, pairs]) session.dispose();
  });
});
