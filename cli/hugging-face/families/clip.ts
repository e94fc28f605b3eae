/**
 * CLIP (Radford et al., 2021): a tower for texts and one for pictures, trained to point the same way for what belongs together.
 *
 * The fields are those of two configs inside each other: `text_config` and `vision_config`.
 */
import { activation } from "../activations.js";
import { neutrals } from "../common.js";
import type { Config, Family, Field, Weight } from "../family.js";
import { call, parameterList, unless } from "../model-text.js";
import { attention, matrix, norm } from "./parts.js";

const tower: Readonly<Record<string, Field>> = {
  ...neutrals("attention_dropout dropout projection_dim"),
  hidden_act: { kind: "read", otherwise: "quick_gelu" },
  layer_norm_eps: { kind: "read", otherwise: 1e-5 },
  num_hidden_layers: { kind: "read", otherwise: 12 },
};

const text: Readonly<Record<string, Field>> = {
  ...tower,
  eos_token_id: { kind: "read", otherwise: 49407 },
  hidden_size: { kind: "read", otherwise: 512 },
  intermediate_size: { kind: "read", otherwise: 2048 },
  max_position_embeddings: { kind: "read", otherwise: 77 },
  num_attention_heads: { kind: "read", otherwise: 8 },
  vocab_size: { kind: "read", otherwise: 49408 },
};

const vision: Readonly<Record<string, Field>> = {
  ...tower,
  hidden_size: { kind: "read", otherwise: 768 },
  image_size: { kind: "read", otherwise: 224 },
  intermediate_size: { kind: "read", otherwise: 3072 },
  num_attention_heads: { kind: "read", otherwise: 12 },
  num_channels: { kind: "read", otherwise: 3 },
  patch_size: { kind: "read", otherwise: 32 },
};

export const clip: Family = {
  modelType: "clip",
  architectures: ["CLIPModel"],
  fields: {
    logit_scale_init_value: { kind: "read", otherwise: 2.6592 },
    projection_dim: { kind: "read", otherwise: 512 },
    text_config: { kind: "part", fields: text },
    text_config_dict: { kind: "only", values: [null] },
    vision_config: { kind: "part", fields: vision },
    vision_config_dict: { kind: "only", values: [null] },
  },
  model,
  weights,
};

function model(config: Config): string {
  const [words, picture] = [config.part("text_config"), config.part("vision_config")];
  const parameters = parameterList({
    vocab: words.size("vocab_size"),
    context: words.size("max_position_embeddings"),
    text_width: words.size("hidden_size"),
    text_layers: words.size("num_hidden_layers"),
    text_heads: words.size("num_attention_heads"),
    text_hidden: words.size("intermediate_size"),
    image: picture.size("image_size"),
    patch: picture.size("patch_size"),
    width: picture.size("hidden_size"),
    layers: picture.size("num_hidden_layers"),
    heads: picture.size("num_attention_heads"),
    hidden: picture.size("intermediate_size"),
    shared: config.size("projection_dim"),
  });
  const before = normOf(picture);
  return `model clip(${parameters}) {
  input input_ids[t <= context] : int(vocab)
  input valid(input_ids) as attention_mask
  input pixel_values[${picture.size("num_channels")}, image, image] : real

  x = learned(embedding(vocab, text_width)(input_ids), context) as text_positions
  look = attention(heads: text_heads, mask: padded(causal, valid(input_ids)))
  x = transformer_stack(x, text_layers, look, feed: ${feed("text_hidden", words)}${normed(words)}) as text
${endOfText(words.number("eos_token_id"))}
  said[m] = x[end, m]
  text_embeds = unit(label_logits(said, shared, bias: false) as text_projection)

  y = class_token(patch_embedding(pixel_values, patch, width, bias: false))
  y = ${before}(learned(y, (image / patch) ^ 2 + 1) as squares) as first_norm
  y = transformer_stack(y, layers, attention(heads: heads), feed: ${feed("hidden", picture)}${normed(picture)}) as picture
  seen[m] = y[0, m]
  image_embeds = unit(label_logits(seen, shared, bias: false) as visual_projection)

  param logit_scale[] ~ constant(${config.number("logit_scale_init_value")})
  scale = exp(logit_scale)
  texts = whole_batch(text_embeds)
  images = whole_batch(image_embeds)
  logits_per_text[n] = scale * text_embeds[m] * images[n, m]
  logits_per_image[n] = scale * image_embeds[m] * texts[n, m]
  output text_embeds = text_embeds
  output image_embeds = image_embeds
  output logits_per_text = logits_per_text
  output logits_per_image = logits_per_image
  output logits = logits_per_image
  loss contrastive(text_embeds, image_embeds, scale)
}
`;
}

const feed = (hidden: string, part: Config): string =>
  call("mlp", { hidden, act: activation(part, "hidden_act") });
const normOf = (part: Config): string =>
  call("layer_norm", { eps: unless(1e-5, part.number("layer_norm_eps")) });
const normed = (part: Config): string => (normOf(part) === "layer_norm" ? "" : `, norm: ${normOf(part)}`);

/** The first models were saved with 2 as the end's id, whatever it was: there it is the largest of the ids. */
const endOfText = (id: number): string =>
  id === 2
    ? "  end = argmax[i](input_ids[i])"
    : `  ends[i] = if input_ids[i] == ${id} then 1 else 0\n  end = argmax[i](ends[i])`;

function weights(): readonly Weight[] {
  const [words, picture] = ["text_model.", "vision_model."];
  return [
    { from: `${words}embeddings.token_embedding.weight`, to: "embedding.table" },
    { from: `${words}embeddings.position_embedding.weight`, to: "text_positions.table" },
    ...layers(words, "text"),
    ...norm(`${words}final_layer_norm`, "text.layer_norm"),
    { from: "text_projection.weight", to: "text_projection.w", layout: "out in -> in out" },
    { from: `${picture}embeddings.class_embedding`, to: "class_token.token", layout: "(a d) -> a d" },
    { from: `${picture}embeddings.patch_embedding.weight`, to: "patch_embedding.kernel" },
    { from: `${picture}embeddings.position_embedding.weight`, to: "squares.table" },
    ...norm(`${picture}pre_layrnorm`, "first_norm"),
    ...layers(picture, "picture"),
    ...norm(`${picture}post_layernorm`, "picture.layer_norm"),
    { from: "visual_projection.weight", to: "visual_projection.w", layout: "out in -> in out" },
    { from: "logit_scale", to: "logit_scale" },
    ...[words, picture].map((tower) => ({
      from: `${tower}embeddings.position_ids`,
      ignored: "the numbers from 0 up",
    })),
  ];
}

function layers(tower: string, to: string): readonly Weight[] {
  const [from, own] = [`${tower}encoder.layers.{l}.`, `${to}.layers.{l}.`];
  return [
    ...norm(`${from}layer_norm1`, `${own}layer_norm`),
    ...attention(
      [
        `${from}self_attn.q_proj`,
        `${from}self_attn.k_proj`,
        `${from}self_attn.v_proj`,
        `${from}self_attn.out_proj`,
      ],
      `${own}attention`,
    ),
    ...norm(`${from}layer_norm2`, `${own}layer_norm_2`),
    ...matrix(`${from}mlp.fc1`, `${own}mlp`, "1"),
    ...matrix(`${from}mlp.fc2`, `${own}mlp`, "2"),
  ];
}
