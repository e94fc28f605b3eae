/** Reuse of memory changes no bit: the same model with every temporary in a slot of its own, step by step on the CPU device. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { emitProgram } from "../../compiler/codegen/program.js";
import { buildSource } from "../../compiler/index.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import { evaluateSize } from "../../compiler/ir/shape.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { runPipeline } from "../../compiler/passes/pipeline.js";
import type { Schedule } from "../../compiler/passes/schedule.js";
import { entryNames, schedule } from "../../compiler/passes/schedule.js";
import { createSession, createTrainer, initialise, openDevice, trainingBatch } from "../../runtime/index.js";
import type { Program } from "../../runtime/program.js";

const inline: Readonly<Record<string, string>> = {
  "pre, post and sandwich norms with dropout": `
    model mixed(d = 12, vocab = 23) {
      input tokens[t <= 9] : int(vocab)
      use wte = embedding(vocab, d)
      x = wte(tokens)
      repeat 2 {
        x = x + dropout(attention(layer_norm(x), 3, mask: causal), 0.2)
        x = rms_norm(x + mlp(x, hidden: 20, act: gelu))
        x = x + layer_norm(dropout(swiglu(rms_norm(x), hidden: 7), 0.1))
      }
      output logits = unembed(layer_norm(x), wte.table)
      loss cross_entropy(logits, next(tokens))
      train {
        optimizer = adamw(lr: 1e-2)
        clip = 1.0
        batch = 3
      }
    }`,
};

const examples: readonly (readonly [string, Readonly<Record<string, number>>])[] = [
  ["nano", { layers: 2, context: 7, d: 8 }],
  ["llama", { layers: 2, context: 9, d_model: 24, heads: 4, kv_heads: 2, vocab: 256 }],
];

function programs(text: string, settings: Readonly<Record<string, number>>): readonly [Schedule, Program][] {
  const b = createBuilder();
  const { built, diagnostics } = buildSource(text, { settings }, b);
  if (!built) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  const entries = deriveEntries(built, b);
  const graphs = entryNames.flatMap((name) => {
    const graph = entries[name];
    return graph ? [{ name, graph: runPipeline({ ...graph, name }, { level: 2, builder: b }) }] : [];
  });
  return [true, false].map((reuse) => {
    const scheduled = schedule(graphs, built, undefined, { reuse });
    return [scheduled, emitProgram(scheduled, built, { compiler: "test", source: "" })];
  });
}

async function trained(program: Program): Promise<readonly Uint32Array[]> {
  const device = await openDevice({ device: "cpu" });
  const session = await createSession(program, device, { entries: ["train", "grad"] });
  session.writeParameters(initialise(program, 3));
  const trainer = createTrainer(session, { seed: 5 });
  const text = Int32Array.from({ length: 400 }, (_, n) => (n * n + 3 * n) % 23);
  const length = program.lengths.T!.maximum;
  const batch = 3;
  const found: Uint32Array[] = [];
  for (let step = 0; step < 2; step++) {
    const { loss } = await trainer.step(trainingBatch(program, text, { length, batch, seed: 1, step }));
    found.push(new Uint32Array(Float32Array.of(loss ?? 0).buffer));
  }
  for (const values of (await session.readParameters()).values())
    found.push(new Uint32Array(Float32Array.from(values).buffer));
  session.dispose();
  device.dispose();
  return found;
}

const bytes = ({ slots }: Schedule): number =>
  slots
    .filter(({ role }) => role === "temporary")
    .reduce(
      (sum, { sizes }) =>
        sum +
        Math.max(
          ...sizes.map(({ count, elements }) => count * evaluateSize(elements, { B: 3, T: 9, S: 9, P: 0 })),
        ),
      0,
    );

const cases: readonly (readonly [string, string, Readonly<Record<string, number>>])[] = [
  ...Object.entries(inline).map(([name, text]) => [name, text, {}] as const),
  ...examples.map(
    ([name, settings]) => [name, readFileSync(`examples/${name}.tfm`, "utf8"), settings] as const,
  ),
];

test.each(cases)("%s: reuse on = reuse off, to the bit", async (_, text, settings) => {
  const [on, off] = programs(text, settings) as [[Schedule, Program], [Schedule, Program]];
  expect(await trained(on[1])).toEqual(await trained(off[1]));
  expect(bytes(on[0])).toBeLessThan(0.6 * bytes(off[0]));
});
