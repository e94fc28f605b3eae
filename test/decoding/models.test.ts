/** Whole models on devices: what steps give is what the whole text gives, and so are the texts that grow by them. */
import { describe, expect, test } from "vitest";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { generateSequences } from "../../runtime/generate.js";
import { growingModel } from "../../runtime/growing.js";
import type { Program } from "../../runtime/program.js";
import type { Session } from "../../runtime/session.js";
import { nextTokenOf } from "../../runtime/steps.js";
import { leavesOf, tensorOf } from "../build/support.js";
import { tolerances } from "../support/closeness.js";
import type { Knobs } from "../support/families.js";
import { familyReferences, familyText } from "../support/families.js";
import type { DeviceKind } from "../support/program-runs.js";
import { f32 } from "../support/program-runs.js";
import type { Generating } from "./programs.js";
import { generating, openWith, weightsOf } from "./programs.js";

const length = 9;
const width = 5;
/** The second row's source is shorter. */
const there = [width, 3];

const ids = (count: number, seed: number, bound: number): readonly number[] =>
  Array.from({ length: count }, (_, n) => ((n + 1) * (7919 * seed + 13) + seed) % bound);

/** Inputs by name, and what the interpreter makes of them: exactly, and with each operation rounded. */
function reference({ model, program }: Generating) {
  const { grown, source, vocabulary, logits } = growingModel(program);
  const bound = Math.min(vocabulary, ...model.inputs.map((input) => input.bound ?? vocabulary));
  const rows = (count: number, seed: number) => [0, 1].flatMap((row) => ids(count, seed + row, bound));
  const inputs: Record<string, Tensor<number>> = { [grown.name]: tensorOf([2, length], rows(length, 3)) };
  if (grown.valid) inputs[grown.valid] = tensorOf([2, length], new Array(2 * length).fill(1));
  if (source) {
    const valid = there.flatMap((count) => Array.from({ length: width }, (_, n) => Number(n < count)));
    inputs[source.name] = tensorOf([2, width], rows(width, 8));
    if (source.valid) inputs[source.valid] = tensorOf([2, width], valid);
  }
  const weights = weightsOf(program);
  const leaves = leavesOf(model, (name) => Array.from(weights.get(name)!));
  const from = source?.symbol === undefined ? {} : { [source.symbol]: width };
  const lengths = { B: 2, P: 0, [grown.symbol]: length, ...from };
  const given = { inputs: { ...leaves, ...inputs }, lengths };
  const [exact, clean] = [interpret(model.forward, f64, given), interpret(model.forward, f32, given)];
  return {
    inputs,
    exact: exact[logits]!,
    bound: tolerances(exact, clean)[logits]!,
    lengths: { B: 2, ...from },
  };
}

const arrays = (inputs: Readonly<Record<string, Tensor<number>>>) =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { sizes, data }]) => [
      name,
      { data: Float64Array.from(data), shape: sizes },
    ]),
  );

/** Positions from … to − 1 of [2, length] or [2, length, width]. */
function piece({ sizes, data }: Tensor<number>, from: number, to: number): Tensor<number> {
  const inner = sizes[2] ?? 1;
  const all = Array.from(data);
  const rows = [0, 1].flatMap((row) => all.slice((row * length + from) * inner, (row * length + to) * inner));
  return tensorOf([2, to - from, ...sizes.slice(2)], rows);
}

const everyPosition = Array.from({ length }, (_, n) => n + 1);

async function expectSteps(generated: Generating, kind: DeviceKind): Promise<void> {
  const { program } = generated;
  const { decoding } = program;
  if (!decoding || "refused" in decoding) throw new Error("no steps");
  const { inputs, exact, bound, lengths } = reference(generated);
  const model = growingModel(program);
  const session = await openWith(program, kind);
  const most = decoding.chunk ?? length;
  const splits = [everyPosition, [Math.min(most, 4), ...everyPosition.filter((n) => n > Math.min(most, 4))]];
  if (most >= length) splits.push([length], [2, 5, length]);
  for (const [n, split] of splits.entries()) {
    const options = { lengths: { ...lengths, [decoding.capacity]: n % 2 === 0 ? length : length + 1 } };
    if (program.entries.encode) await session.run("encode", arrays(inputs), {}, options);
    for (const [k, to] of split.entries()) {
      const from = split[k - 1] ?? 0;
      session.poison(0x7fc00000);
      const grown = [model.grown.name, model.grown.valid].filter((name) => name !== undefined);
      const given = {
        ...inputs,
        ...Object.fromEntries(grown.map((name) => [name, piece(inputs[name]!, from, to)])),
      };
      const read = [model.logits];
      const found = await session.run("step", arrays(given), { position: from }, { ...options, read });
      const logits = found[model.logits]!;
      const wanted = piece(exact, from, to).data;
      let worst = 0;
      for (let e = 0; e < wanted.length; e++) {
        worst = Math.max(worst, Math.abs(logits[e]! - wanted[e]!));
      }
      expect(worst <= bound ? "close" : `${worst} > ${bound}`, `${from} to ${to}`).toBe("close");
    }
  }
  session.dispose();
}

const sizes = { vocab: 13, context: 12, d_model: 12, layers: 2, heads: 2, ffn: "mlp(hidden: 10)" };
const models: Readonly<Record<string, Generating>> = Object.fromEntries(
  Object.entries(familyReferences).flatMap(([name, { family, settings }]) =>
    family === "encoder" ? [] : [[name, generating(familyText(family, { ...settings, context: 12 }))]],
  ),
);

describe("logits of steps on the CPU", () => {
  test.each(Object.keys(models).filter((name) => name !== "decoder_prefix"))("%s", async (name) => {
    await expectSteps(models[name]!, "cpu");
  });

  test.each<[string, string, Knobs]>([
    ["a ring", "decoder", { mask: "sliding(3)", position: "rope" }],
    [
      "a ring of groups, alibi",
      "decoder",
      { mask: "sliding(2)", position: "alibi", heads: 4, kv_heads: 2, head_dim: 4 },
    ],
    ["a target in a ring", "encoder_decoder", { mask: "sliding(2)", position: "shaw(clip: 2)" }],
  ])("%s", async (_, family, knobs) => {
    const generated = generating(familyText(family, { ...sizes, ...knobs }), 4);
    const { decoding } = generated.program;
    expect(decoding).toMatchObject({ chunk: 4 });
    await expectSteps(generated, "cpu");
  });
});

describe("logits of steps on WebGPU", () => {
  test.each<[string, string, Knobs]>([
    ["decoder", "decoder", { layers: 1, position: "rope", norm: "rms_norm" }],
    ["encoder_decoder", "encoder_decoder", { layers: 1 }],
  ])("%s", async (_, family, knobs) => {
    await expectSteps(generating(familyText(family, { ...sizes, ...knobs })), "webgpu");
  });
});

describe("texts", () => {
  const withoutSteps = (program: Program): Program => ({ ...program, decoding: null });
  const idsOf = async (
    session: Session,
    requests: Parameters<typeof generateSequences>[1],
    options: object,
  ) => (await generateSequences(session, requests, options)).map((texts) => texts.map((text) => text.ids));
  const ways = [
    { temperature: 0, maxNewTokens: 8 },
    { temperature: 1.2, topK: 6, seed: 5, maxNewTokens: 8, stop: [1] },
    { beam: 4, count: 2, maxNewTokens: 6, stop: [1] },
    { temperature: 0.8, seed: 2, maxNewTokens: 16, batch: 2 },
  ];
  const made: readonly (readonly [string, () => Generating])[] = [
    ["seq2seq_2017", () => models["seq2seq_2017"]!],
    ["seq2seq_t5", () => models["seq2seq_t5"]!],
    ["decoder_dual", () => models["decoder_dual"]!],
    ["decoder_shared", () => models["decoder_shared"]!],
    ["decoder_prefix, which looks ahead", () => models["decoder_prefix"]!],
    ["a ring", () => generating(familyText("decoder", { ...sizes, mask: "sliding(3)" }), 2)],
  ];

  test.each(made)(
    "%s: by steps as by whole passes, prompts and sources of several lengths",
    async (name, make) => {
      const { program } = make();
      expect(nextTokenOf(program).by).toBe(name.startsWith("decoder_prefix") ? "whole passes" : "steps");
      const { source } = growingModel(program);
      const requests = [1, 4, 2, 6].map((count, n) => ({
        prompt: ids(count, n + 2, 13),
        ...(source && { source: ids(2 + ((n * 3) % 5), n + 7, 13) }),
      }));
      const [session, plain] = [await openWith(program, "cpu"), await openWith(withoutSteps(program), "cpu")];
      for (const options of ways) {
        const found = await idsOf(session, requests, options);
        expect(found).toEqual(await idsOf(plain, requests, options));
        session.poison(0xffffffff);
        expect(await idsOf(session, requests, options)).toEqual(found);
      }
      for (const one of [session, plain]) one.dispose();
    },
  );
});
