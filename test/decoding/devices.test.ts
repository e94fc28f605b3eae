/** Steps of compiled families on devices: the logits of each position are those of the whole text. */
import { expect, test } from "vitest";
import { compile } from "../../compiler/index.js";
import type { Program } from "../../runtime/program.js";
import { createSession } from "../../runtime/session.js";
import { initialise } from "../../runtime/weights.js";
import type { Knobs } from "../support/families.js";
import { familyText } from "../support/families.js";
import { sharedDevice } from "../support/program-runs.js";

const sizes = { vocab: 11, d_model: 12, layers: 2, heads: 3, ffn: "mlp(hidden: 6)" };

const programOf = (family: string, knobs: Knobs): Program => {
  const { program } = compile(familyText(family, { ...sizes, ...knobs }));
  if (!program?.decoding || "refused" in program.decoding) throw new Error("no steps");
  return program;
};

const idsOf = (rows: number, length: number): number[][] =>
  Array.from({ length: rows }, (_, row) =>
    Array.from({ length }, (_, n) => ((n + 1) * (row + 3) * 7919) % sizes.vocab),
  );

const cases: readonly (readonly [string, string, Knobs, number, readonly number[]])[] = [
  [
    "rope, groups",
    "decoder",
    { position: "rope", heads: 4, kv_heads: 2, head_dim: 2, context: 13 },
    13,
    [5, 1, 1, 6],
  ],
  [
    "a ring of 68",
    "decoder",
    { mask: "sliding(5)", context: 150, position: "alibi" },
    149,
    [64, 1, 30, 1, 53],
  ],
  ["an encoder-decoder", "encoder_decoder", { position: "t5(buckets: 4)", context: 12 }, 9, [1, 1, 4, 3]],
];

// The two devices run the same kernels; a driver in software is slow to compile them.
for (const [kind, some] of [
  ["cpu", cases],
  ["webgpu", cases.slice(1, 2)],
] as const)
  test.each(some)(`${kind}: %s`, async (_, family, knobs, length, pieces) => {
    const program = programOf(family, knobs);
    const session = await createSession(program, await sharedDevice(kind));
    session.writeParameters(initialise(program, 3));
    const { grown } = program.decoding as { readonly grown: string };
    const ids = idsOf(2, length);
    const source: Readonly<Record<string, number[][]>> = program.entries.encode
      ? { source: idsOf(2, 7) }
      : {};
    const { logits } = await session.run("forward", { [grown]: ids, ...source }, {}, { read: ["logits"] });
    const whole = logits as Float32Array;
    const largest = whole.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const lengths: Record<string, number> = program.entries.encode
      ? { B: 2, C: length, T: 7 }
      : { B: 2, C: length };
    if (program.entries.encode) await session.run("encode", source, {}, { lengths });
    let start = 0;
    for (const size of pieces) {
      const next = ids.map((row) => row.slice(start, start + size));
      const options = { lengths, read: ["logits"] };
      const found = await session.run("step", { [grown]: next }, { position: start }, options);
      const rows = found["logits"] as Float32Array;
      for (let row = 0; row < 2; row++)
        for (let n = 0; n < size * sizes.vocab; n++) {
          const wanted = whole[(row * length + start) * sizes.vocab + n]!;
          // Sums of at most a few hundred products of f32, each rounded.
          expect(Math.abs(rows[row * size * sizes.vocab + n]! - wanted)).toBeLessThanOrEqual(
            512 * 2 ** -24 * largest,
          );
        }
      start += size;
    }
    expect(start).toBe(length);
    session.dispose();
  });
