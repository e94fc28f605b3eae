/**
 * ViT (Dosovitskiy et al., 2021): squares of a picture as tokens, a learned row before them whose last state is classified.
 */
import { activation } from "../activations.js";
import { neutrals } from "../common.js";
import type { Config, Family, Weight } from "../family.js";
import { layerNorm, parameterList } from "../model-text.js";
import { linearBiases, linears, norms } from "../rows.js";

export const vit: Family = {
  modelType: "vit",
  architectures: ["ViTForImageClassification"],
  fields: {
    ...neutrals("attention_probs_dropout_prob hidden_dropout_prob encoder_stride pooler_act pooler_output_size"),
    hidden_act: { kind: "read", otherwise: "gelu" },
    hidden_size: { kind: "read", otherwise: 768 },
    id2label: { kind: "read", otherwise: null },
    image_size: { kind: "read", otherwise: 224 },
    intermediate_size: { kind: "read", otherwise: 3072 },
    layer_norm_eps: { kind: "read", otherwise: 1e-12 },
    num_attention_heads: { kind: "read", otherwise: 12 },
    num_channels: { kind: "read", otherwise: 3 },
    num_hidden_layers: { kind: "read", otherwise: 12 },
    num_labels: { kind: "read", otherwise: null },
    patch_size: { kind: "read", otherwise: 16 },
    qkv_bias: { kind: "read", otherwise: true },
  },
  model,
  weights,
};

function model(config: Config): string {
  const [height, width] = sides(config);
  const bias = config.boolean("qkv_bias") ? "" : ", qkv_bias: false";
  const parameters = parameterList({
    height,
    width,
    patch: config.size("patch_size"),
    d_model: config.size("hidden_size"),
    layers: config.size("num_hidden_layers"),
    heads: config.size("num_attention_heads"),
    hidden: config.size("intermediate_size"),
    classes: classes(config),
    norm: layerNorm(config.number("layer_norm_eps")),
  });
  return `model vit(${parameters}) {
  input pixel_values[${config.size("num_channels")}, height, width] : real
  input labels : int(classes)

  x = class_token(patch_embedding(pixel_values, patch, d_model))
  x = learned(x, context: height * width / patch ^ 2 + 1) as wpe
  repeat layers {
    x = x + attention(norm(x), heads${bias})
    x = x + mlp(norm(x), hidden, act: ${activation(config, "hidden_act")})
  }
  x = norm(x)
  first[m] = x[0, m]
  output logits = label_logits(first, classes) as classifier
  loss label_cross_entropy(logits, labels)
}
`;
}

/** One number, or height and width. */
function sides(config: Config): readonly [number, number] {
  if (!Array.isArray(config.get("image_size"))) {
    const side = config.size("image_size");
    return [side, side];
  }
  const [height, width, ...more] = config.numbers("image_size");
  if (height === undefined || width === undefined || more.length > 0)
    config.refuse("image_size", "it must be one number, or height and width");
  return [height, width];
}

/** The class counts the names, where there are some. */
function classes(config: Config): number {
  const names = config.get("id2label");
  if (typeof names === "object" && names !== null) return Math.max(1, Object.keys(names).length);
  return config.optionalSize("num_labels") ?? 2;
}

function weights(config: Config): readonly Weight[] {
  const [layer, own] = ["vit.encoder.layer.{l}.", "layers.{l}."];
  const heads = { query: "q", key: "k", value: "v" };
  return [
    { from: "vit.embeddings.cls_token", to: "class_token.token", layout: "a b d -> (a b) d" },
    { from: "vit.embeddings.position_embeddings", to: "wpe.table", layout: "a n d -> (a n) d" },
    { from: "vit.embeddings.patch_embeddings.projection.weight", to: "patch_embedding.kernel" },
    { from: "vit.embeddings.patch_embeddings.projection.bias", to: "patch_embedding.b" },
    ...norms(`${layer}layernorm_before`, `${own}layer_norm`),
    ...norms(`${layer}layernorm_after`, `${own}layer_norm_2`),
    ...Object.entries(heads).flatMap(([name, letter]) => [
      ...headed(`${layer}attention.attention.${name}`, `${own}attention`, letter),
    ]),
  ];
}
