/**
 * The names that LLaMA gave its tensors, and that most decoders after it kept.
 *
 *   model.layers.{l}.self_attn.k_proj.weight [16, 32]   →   layers.{l}.attention.wk [32, 2, 8]
 */
import type { Weight } from "./family.js";

const [layer, own] = ["model.layers.{l}.", "layers.{l}."];

/** Norm after norm of a layer, as they stand in the class, as the model names them. */
export const norms = (
  names: readonly string[],
  norm: "rms_norm" | "layer_norm" = "rms_norm",
): readonly Weight[] =>
  names.flatMap((name, n) => normOf(`${layer}${name}`, `${own}${norm}${n === 0 ? "" : `_${n + 1}`}`, norm));

export const normOf = (from: string, to: string, norm: "rms_norm" | "layer_norm"): readonly Weight[] => [
  { from: `${from}.weight`, to: `${to}.gain` },
  ...(norm === "layer_norm" ? [{ from: `${from}.bias`, to: `${to}.bias` }] : []),
];

/** Which of the projections have a bias. */
export interface Biases {
  readonly qkv: boolean;
  readonly out: boolean;
}

export const attention = ({ qkv, out }: Biases, outName = "o_proj"): readonly Weight[] => [
  ...["q", "k", "v"].flatMap((name): readonly Weight[] => [
    {
      from: `${layer}self_attn.${name}_proj.weight`,
      to: `${own}attention.w${name}`,
      layout: "(h c) d -> d h c",
    },
    ...(qkv
      ? [
          {
            from: `${layer}self_attn.${name}_proj.bias`,
            to: `${own}attention.b${name}`,
            layout: "(h c) -> h c",
          },
        ]
      : []),
  ]),
  { from: `${layer}self_attn.${outName}.weight`, to: `${own}attention.wo`, layout: "d (h c) -> h c d" },
  ...(out ? [{ from: `${layer}self_attn.${outName}.bias`, to: `${own}attention.bo` }] : []),
];

/** `block`: what the feed-forward layer is called in the model. */
export const gatedMlp = (block: string, bias = false): readonly Weight[] =>
  (
    [
      ["gate", "g"],
      ["up", "u"],
      ["down", "d"],
    ] as const
  ).flatMap(([name, letter]): readonly Weight[] => [
    { from: `${layer}mlp.${name}_proj.weight`, to: `${own}${block}.w${letter}`, layout: "out in -> in out" },
    ...(bias ? [{ from: `${layer}mlp.${name}_proj.bias`, to: `${own}${block}.b${letter}` }] : []),
  ]);

/** Embedding, last norm, output; and the buffer of old files. */
export const ends = (
  tied: boolean,
  lastNorm: readonly Weight[] = normOf("model.norm", "rms_norm", "rms_norm"),
): readonly Weight[] => [
  { from: "model.embed_tokens.weight", to: "wte.table" },
  ...lastNorm,
  tied
    ? { from: "lm_head.weight", like: "model.embed_tokens.weight" }
    : { from: "lm_head.weight", to: "head.table" },
  { from: `${layer}self_attn.rotary_emb.inv_freq`, ignored: "the frequencies of rotary positions" },
];
