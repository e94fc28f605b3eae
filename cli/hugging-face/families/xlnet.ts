/**
 * XLNet (Yang et al., 2019) as it reads after its training by permutations: post-norm, attention by content, distance and segment.
 *
 * One call without a memory of earlier ones. Token types that are not given are all 0: what is equal for all scores of a row
 * changes no weight.
 */
import { activation } from "../activations.js";
import { neutrals } from "../common.js";
import type { Config, Family, Weight } from "../family.js";
import { call, parameterList } from "../model-text.js";
import { copies, matrix, norm } from "./parts.js";

/** The class knows no longest sequence; the published models were trained on this many tokens. */
const context = 512;

export const xlnet: Family = {
  modelType: "xlnet",
  architectures: ["XLNetLMHeadModel"],
  prefix: "transformer.",
  fields: {
    ...neutrals(
      "dropout mem_len reuse_len same_length untie_r use_mems_eval use_mems_train start_n_top end_n_top",
    ),
    ...neutrals("summary_activation summary_last_dropout summary_type summary_use_proj"),
    attn_type: { kind: "only", values: ["bi"] },
    bi_data: { kind: "only", values: [false] },
    clamp_len: { kind: "only", values: [-1] },
    d_head: { kind: "read", otherwise: null },
    d_inner: { kind: "read", otherwise: 4096 },
    d_model: { kind: "read", otherwise: 1024 },
    ff_activation: { kind: "read", otherwise: "gelu" },
    layer_norm_eps: { kind: "read", otherwise: 1e-12 },
    n_head: { kind: "read", otherwise: 16 },
    n_layer: { kind: "read", otherwise: 24 },
    tie_word_embeddings: { kind: "read", otherwise: true },
    vocab_size: { kind: "read", otherwise: 32000 },
  },
  model,
  weights,
};

function model(config: Config): string {
  const [width, heads] = [config.size("d_model"), config.size("n_head")];
  if ((config.optionalSize("d_head") ?? width / heads) !== width / heads)
    config.refuse("d_head", `the class takes \`d_model\` / \`n_head\`, ${width / heads}`);
  const parameters = parameterList({
    vocab: config.size("vocab_size"),
    context,
    d_model: width,
    layers: config.size("n_layer"),
    heads,
    hidden: config.size("d_inner"),
    norm: call("layer_norm", { eps: config.number("layer_norm_eps") }),
  });
  const tied = config.boolean("tie_word_embeddings");
  return `model xlnet(${parameters}) {
  input input_ids[t <= context] : int(vocab)
  input marks(input_ids) as token_type_ids
  input valid(input_ids) as attention_mask
  input original(input_ids) as labels

  use wte = embedding(vocab, d_model)
  x = wte(input_ids)
  attend = relative_attention(segment: marks(input_ids), heads: heads, context: context, mask: itself_or_held(valid(input_ids)))
  repeat layers {
    x = norm(x + attend(x))
    x = norm(x + mlp(x, hidden, act: ${activation(config, "ff_activation")}))
  }
${tied ? "" : "  use head = embedding(vocab, d_model)\n"}  output logits = unembed(x, ${tied ? "wte" : "head"}.table, bias: true)
  loss cross_entropy(logits, original(input_ids))
}
`;
}

function weights(config: Config): readonly Weight[] {
  const [look, own] = ["transformer.layer.{l}.rel_attn.", "layers.{l}.relative_attention."];
  const feed = "transformer.layer.{l}.ff.";
  const biases = { r_w_bias: "content_bias", r_r_bias: "distance_bias", r_s_bias: "segment_bias" };
  return [
    { from: "transformer.word_embedding.weight", to: "wte.table" },
    { from: "transformer.mask_emb", kept: "the query of predicted tokens while training by permutations" },
    ...["q", "k", "v", "r"].map((name) => ({ from: `${look}${name}`, to: `${own}w${name}` })),
    { from: `${look}o`, to: `${own}wo`, layout: "d h c -> h c d" },
    ...Object.entries(biases).map(([from, to]) => ({ from: `${look}${from}`, to: `${own}${to}` })),
    { from: `${look}seg_embed`, to: `${own}segments` },
    ...norm(`${look}layer_norm`, "layers.{l}.layer_norm"),
    ...matrix(`${feed}layer_1`, "layers.{l}.mlp", "1"),
    ...matrix(`${feed}layer_2`, "layers.{l}.mlp", "2"),
    ...norm(`${feed}layer_norm`, "layers.{l}.layer_norm_2"),
    { from: "lm_loss.bias", to: "unembed.b" },
    ...(config.boolean("tie_word_embeddings")
      ? copies("transformer.word_embedding.weight", "lm_loss.weight")
      : [{ from: "lm_loss.weight", to: "head.table" }]),
  ];
}
