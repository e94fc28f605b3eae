/**
 * ViT (Dosovitskiy et al., 2021): squares of a picture as tokens, a learned row before them whose last state is classified.
 */
import { activation } from "../activations.js";
import { neutrals } from "../common.js";
import type { Config, Family, Weight } from "../family.js";
import { call, parameterList } from "../model-text.js";
import { inward, labelCount, labelFields, matrix, norm, outward } from "./parts.js";

export const vit: Family = {
  modelType: "vit",
  architectures: ["ViTForImageClassification"],
  fields: {
    ...neutrals(
      "attention_probs_dropout_prob hidden_dropout_prob encoder_stride pooler_act pooler_output_size",
    ),
    ...labelFields,
    hidden_act: { kind: "read", otherwise: "gelu" },
    hidden_size: { kind: "read", otherwise: 768 },
    image_size: { kind: "read", otherwise: 224 },
    intermediate_size: { kind: "read", otherwise: 3072 },
    layer_norm_eps: { kind: "read", otherwise: 1e-12 },
    num_attention_heads: { kind: "read", otherwise: 12 },
    num_channels: { kind: "read", otherwise: 3 },
    num_hidden_layers: { kind: "read", otherwise: 12 },
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
    classes: labelCount(config),
    norm: call("layer_norm", { eps: config.number("layer_norm_eps") }),
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

function weights(config: Config): readonly Weight[] {
  const [layer, own] = ["vit.encoder.layer.{l}.", "layers.{l}."];
  const self = `${layer}attention.attention.`;
  const bias = config.boolean("qkv_bias");
  return [
    { from: "vit.embeddings.cls_token", to: "class_token.token", layout: "a b d -> (a b) d" },
    { from: "vit.embeddings.position_embeddings", to: "wpe.table", layout: "a n d -> (a n) d" },
    { from: "vit.embeddings.patch_embeddings.projection.weight", to: "patch_embedding.kernel" },
    { from: "vit.embeddings.patch_embeddings.projection.bias", to: "patch_embedding.b" },
    ...norm(`${layer}layernorm_before`, `${own}layer_norm`),
    ...inward([`${self}query`, `${self}key`, `${self}value`], `${own}attention`, bias),
    ...outward(`${layer}attention.output.dense`, `${own}attention`),
    ...norm(`${layer}layernorm_after`, `${own}layer_norm_2`),
    ...matrix(`${layer}intermediate.dense`, `${own}mlp`, "1"),
    ...matrix(`${layer}output.dense`, `${own}mlp`, "2"),
    ...norm("vit.layernorm", "layer_norm"),
    ...matrix("classifier", "classifier"),
  ];
}
