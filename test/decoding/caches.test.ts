/** What is kept: how much, under which names, and in which order of rows. */
import { expect, test } from "vitest";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { elementCount, evaluateSize } from "../../compiler/ir/shape.js";
import type { Knobs } from "../support/families.js";
import { familyText } from "../support/families.js";
import { flat } from "../support/numbers.js";
import type { Decoder } from "./support.js";
import { cachesOf, decoderOf, freshCaches, run } from "./support.js";

const sizes = { vocab: 11, context: 200, d_model: 12, layers: 5, heads: 6 };

/** Numbers kept of one text of `C` positions, and truth values beside them. */
function keptOf({ graphs }: Decoder, C: number): { numbers: number; truths: number } {
  const count = (isNumber: boolean): number =>
    graphs.caches
      .filter(({ dtype }) => (dtype === "f32") === isNumber)
      .reduce((sum, { shape }) => sum + evaluateSize(elementCount(shape), { B: 1, C, T: 7, S: 7 }), 0);
  return { numbers: count(true), truths: count(false) };
}

test.each<[string, Knobs, number]>([
  ["as it comes", {}, 2 * 6 * 2 * 5],
  ["groups", { kv_heads: 2, position: "rope" }, 2 * 2 * 2 * 5],
  ["one head of keys", { kv_heads: 1, position: "alibi" }, 2 * 1 * 2 * 5],
  ["wide heads", { kv_heads: 3, head_dim: 4, position: "shaw(clip: 3)" }, 2 * 3 * 4 * 5],
  ["shared layers", { share_layers: true, qk_norm: "rms_norm" }, 2 * 6 * 2 * 5],
])("a decoder keeps keys and values of each position: %s", (_, knobs, each) => {
  const decoder = decoderOf(familyText("decoder", { ...sizes, ...knobs }));
  expect(keptOf(decoder, 100)).toEqual({ numbers: 100 * each, truths: 100 });
  expect(decoder.graphs.chunk).toBeUndefined();
});

test("a window keeps what it sees and the chunk beside it", () => {
  const decoder = decoderOf(familyText("decoder", { ...sizes, mask: "sliding(9)" }), 16);
  expect(keptOf(decoder, 200)).toEqual({ numbers: (9 + 15) * 2 * 6 * 2 * 5, truths: 9 + 15 });
  expect(decoder.graphs.chunk).toBe(16);
  // As many as a text may be long are no saving.
  const wide = decoderOf(familyText("decoder", { ...sizes, mask: "sliding(185)" }), 16);
  expect(wide.graphs.caches.map(({ kind }) => kind)).toEqual(["positions", "positions", "positions"]);
});

test("names are those of the parameters nearby", () => {
  const names = (text: string): readonly string[] => decoderOf(text).graphs.caches.map(({ name }) => name);
  expect(names(familyText("decoder", sizes))).toEqual([
    "layers.*.attention.k",
    "kept.tokens.valid",
    "layers.*.attention.v",
  ]);
  expect(names(familyText("decoder", { ...sizes, layers: 1 }))).toEqual([
    "layers.0.attention.k",
    "kept.tokens.valid",
    "layers.0.attention.v",
  ]);
  expect([...names(familyText("encoder_decoder", sizes))].sort()).toEqual([
    "decoder.layers.*.attention.k",
    "decoder.layers.*.attention.v",
    "decoder.layers.*.attention_2.k",
    "decoder.layers.*.attention_2.v",
    "kept.source.valid",
    "kept.target.valid",
  ]);
});

test("reorder makes row n what row parent[n] was, of all caches", () => {
  const decoder = decoderOf(familyText("encoder_decoder", { ...sizes, layers: 2 }));
  const lengths = { B: 3, C: 4, T: 5, S: 5 };
  const before = freshCaches(decoder, lengths, false);
  const parent: Tensor<number> = { sizes: [3], data: Float64Array.of(2, 0, 2) };
  const after = cachesOf(run(decoder.graphs.reorder, { ...before, parent }, lengths));
  expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
  for (const { name, turns } of decoder.graphs.caches) {
    const row = (x: Tensor<number>, turn: number, n: number): number[] => {
      const size = flat(x).length / 3 / (turns ?? 1);
      return flat(x).slice((turn * 3 + n) * size, (turn * 3 + n + 1) * size);
    };
    for (let turn = 0; turn < (turns ?? 1); turn++)
      [2, 0, 2].forEach((from, n) =>
        expect(row(after[name]!, turn, n)).toEqual(row(before[name]!, turn, from)),
      );
  }
});

test("the source is read once: steps have no input but the new tokens", () => {
  const { graphs } = decoderOf(familyText("encoder_decoder", { ...sizes, layers: 2 }));
  const text = JSON.stringify(graphs.step.outputs.map(({ name }) => name));
  expect(text).not.toContain("source");
  expect(graphs.encode!.outputs).toHaveLength(3);
});
