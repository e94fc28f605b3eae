/**
 * Attention of whole models, streamed: every entry computes what it did, and a training step has no tensor of all pairs of
 * positions, apart from what a kernel computes at an index.
 */
import { expect, test } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import type { Shape } from "../../compiler/ir/shape.js";
import { symbolsIn } from "../../compiler/ir/shape.js";
import { smallLengths } from "../../compiler/laws/lengths.js";
import { checkPasses } from "../../compiler/laws/passes.js";
import { eliminate } from "../../compiler/passes/eliminate.js";
import { deriveEntries } from "../../compiler/passes/entries.js";
import { mergePairs } from "../../compiler/passes/merge_pairs.js";
import { runModelPasses, runPipeline } from "../../compiler/passes/pipeline.js";
import { built } from "../build/support.js";
import type { Knobs } from "../support/families.js";
import { familyText } from "../support/families.js";

interface Case {
  readonly family?: string;
  readonly knobs?: Knobs;
  /** Ops over all pairs that stay, and why they do. */
  readonly left?: readonly string[];
}

const cases: Readonly<Record<string, Case>> = {
  causal: {},
  "a window": { knobs: { mask: "sliding(3)" } },
  "windows and whole texts in turn": { knobs: { layer_masks: "[sliding(2), causal]" } },
  "a prefix": { knobs: { mask: "prefix(2)" } },
  full: { knobs: { mask: "full" } },
  local: { knobs: { mask: "local(2)" } },
  dilated: { knobs: { mask: "dilated(2, 2)" } },
  atrous: { knobs: { mask: "atrous(2)" } },
  strided: { knobs: { mask: "strided(2)" } },
  fixed: { knobs: { mask: "fixed(4)" } },
  blocks: { knobs: { mask: "blocks(2)" } },
  alibi: { knobs: { position: "alibi" } },
  "rotated positions, normed": { knobs: { position: "rope", qk_norm: "rms_norm" } },
  xpos: { knobs: { position: "xpos" } },
  "a soft cap": { knobs: { soft_cap: 2 } },
  "shared heads of keys": { knobs: { heads: 4, kv_heads: 2 } },
  "one head of keys": { knobs: { heads: 4, kv_heads: 1, mask: "sliding(3)" } },
  dropout: { knobs: { dropout: 0.3 }, left: ["random"] },
  padding: { family: "encoder" },
  "padding and dropout": { family: "encoder", knobs: { dropout: 0.2 }, left: ["random"] },
  "attention to another text": { family: "encoder_decoder", knobs: { dropout: 0.2 }, left: ["random"] },
  // One bias [h, i, j] of all layers, without the batch; its gradient is summed over the layers.
  "a bias by buckets": {
    knobs: { position: "t5(buckets: 8, distance: 6)" },
    left: ["add", "gather", "get", "input", "pairwise", "repeat"],
  },
};

const sizes: Knobs = { vocab: 11, context: 12, d_model: 8, layers: 2, heads: 2, ffn: "mlp(hidden: 12)" };
const recipe = "train { optimizer = adamw(lr: 1e-3) }";

const isPairs = (shape: Shape): boolean =>
  shape.filter(({ size }) => symbolsIn(size).some((name) => name !== "B")).length > 1;

/** Ops whose values have two positions and are read by something else than maps and layout; stacked ones are `repeat`'s. */
function opsOfPairs(graph: Graph, found = new Set<string>()): ReadonlySet<string> {
  const idle = new Set<Node["op"]>(["broadcast", "reshape", "transpose", "iota"]);
  for (const node of topological(graph)) {
    if (node.op === "repeat") {
      opsOfPairs(node.attributes.body, found);
      if (node.results.some(({ shape }) => isPairs(shape))) found.add("repeat");
    } else if (isPairs(node.shape) && !idle.has(node.op) && node.dtype === "f32") found.add(node.op);
  }
  return found;
}

test.each(Object.entries(cases))(
  "%s",
  { timeout: 60_000 },
  (_, { family = "decoder", knobs = {}, left = [] }) => {
    const builder = createBuilder();
    const model = built(familyText(family, { ...sizes, ...knobs }, recipe), { builder });
    const options = { builder, seed: 1, span: { file: "m.tfm", start: 0, end: 0 }, passes: [mergePairs] };
    const only = ["forward", "loss", "grad"];
    const { entries } = checkPasses(model, undefined, { ...options, only, lengths: smallLengths(model) });
    expect(entries.flatMap(({ diagnostics }) => diagnostics)).toEqual([]);
    expect(entries.map(({ entry }) => entry)).toEqual(only);
    for (const { passes } of entries) expect(passes).toContain("stream");
    const { train } = deriveEntries(
      runModelPasses(model, { builder, level: 2, verify: true }).built,
      builder,
    );
    const merged = runPipeline(train!, { builder, level: 2, verify: true, passes: [mergePairs, eliminate] });
    expect([...opsOfPairs(merged)].sort()).toEqual(left);
  },
);
