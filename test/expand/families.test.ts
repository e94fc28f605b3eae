/** The law of `expand`: for every family and every setting of its knobs, each level builds to the same graphs. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { builds, checkLevels } from "./same.js";

const OWN = `mask near(w)(i, j) = i - j <= w and j - i <= w
score steep(s, h, i, j) = s - abs(i - j)
block mine(x[t, d]) {
  param g[d] ~ ones
  y[i, c] = x[i, c] * g[c]
  return y
}
`;
const knobs = {
  norm: ["rms_norm", "layer_norm(eps: 1e-6)", "layer_norm(affine: false)", "mine"],
  norm_at: ["post", "sandwich", "deepnorm", "dual_residual", "parallel", "none"],
  position: ["none", "sinusoidal", "learned", "rope", "rope(base: 500, layout: interleaved)", "alibi"],
  inner_position: ["t5(buckets: 8)", "shaw(clip: 4)", "xpos"],
  mask: ["causal", "full", "sliding(4)", "near(2)"],
  ffn: ["mlp(hidden: 40, act: relu)", "swiglu(hidden: 24)", "geglu", "moe(experts: 3, hidden: 8)"],
  qk_norm: ["rms_norm", "layer_norm(eps: 1e-3)"],
  bias: ["false"],
  soft_cap: ["30"],
  dropout: ["0.1"],
  residual_dropout: ["0.2"],
  attention_dropout: ["0.3"],
  embedding_dropout: ["0.4"],
  embedding_scale: ["sqrt(d_model)", "2"],
  embedding_norm: ["layer_norm", "rms_norm(eps: 1e-2)"],
  init: ["xavier_normal", "normal(0.1)"],
  output_init: ["depth_scaled", "zeros"],
  share_layers: ["true"],
  smoothing: ["0.1"],
  kv_heads: ["2", "1"],
  head_dim: ["6"],
  score: ["steep"],
  final_soft_cap: ["10"],
  layers: ["1", "3", "2 * heads"],
  temperature: ["1", "4"],
  heads: ["2"],
};
const families = {
  decoder: { tied: ["false"] },
  encoder: {
    tied: ["false"],
    segments: ["3"],
    task: ["classify", "both", "features"],
    classes: ["5"],
    pooling: ["first"],
    pooler: ["dense", "dense(act: relu)"],
    embedding_size: ["6", "d_model"],
    head_transform: ["dense_norm", "dense_norm(act: relu)"],
    head_bias: ["true", "frozen"],
    encoder_position: ["stored_rope", "sinusoidal(layout: halves)", "learned(offset: 2)"],
  },
  encoder_decoder: {
    tied: ["none", "output", "input"],
    head_bias: ["true", "frozen"],
    head_scale: ["d_model ^ -0.5"],
    encoder_layers: ["1"],
    decoder_layers: ["3"],
    source_vocab: ["11"],
  },
};

/** A few knobs of a family, each with one of its values. */
const settingsOf = (all: Readonly<Record<string, readonly string[]>>): fc.Arbitrary<readonly string[]> =>
  fc
    .uniqueArray(fc.constantFrom(...Object.keys(all)), { maxLength: 6 })
    .chain((names) =>
      fc.tuple(...names.map((name) => fc.constantFrom(...all[name]!).map((value) => [name, value] as const))),
    )
    .map((list) =>
      [
        ...new Map(list.map(([name, value]) => [name.replace(/^(inner|encoder)_(?=position)/, ""), value])),
      ].map(([name, value]) => `${name} = ${value}`),
    );

const textOf = (family: string, settings: readonly string[]): string => `${OWN}model m : ${family} {
  d_model = 16; vocab = 17; context = 12
  ${settings.join("\n  ")}
  train { batch = 2; schedule = noam(warmup: 4, width: d_model) }
}
`;

const runs = Number(process.env["TFMC_EXPANSIONS"] ?? 8);

describe.each(Object.entries(families))("%s", (family, own) => {
  test("as it is", () => {
    const [structure, index] = checkLevels(textOf(family, []));
    expect(structure).toContain("layer_norm(x)");
    expect(index).toContain("block attention(");
  });
  test("with any settings", { timeout: 300_000 }, () => {
    fc.assert(
      fc.property(settingsOf({ ...knobs, ...own }), (settings) => {
        const text = textOf(family, settings);
        fc.pre(builds(text));
        checkLevels(text, { entry: "m" });
      }),
      { numRuns: runs },
    );
  });
});
