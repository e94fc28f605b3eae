/**
 * The fields that every config.json may have and that change nothing of what a model computes: names, versions, ids of special
 * tokens, what generation and training do.
 *
 *   "bos_token_id": 1   →  neutral           "chunk_size_feed_forward": 0   →  neutral, the sums are the same
 */
import type { Field, Json } from "./family.js";

const neutral: Field = { kind: "neutral" };
const only = (...values: readonly Json[]): Field => ({ kind: "only", values });

const naming = [
  ..."_name_or_path name_or_path model_type architectures transformers_version torch_dtype dtype auto_map _commit_hash".split(
    " ",
  ),
  ..."tokenizer_class finetuning_task problem_type id2label label2id num_labels task_specific_params prefix".split(
    " ",
  ),
];

const tokens = [
  ..."bos_token_id eos_token_id pad_token_id sep_token_id cls_token_id unk_token_id mask_token_id".split(" "),
  ..."decoder_start_token_id forced_bos_token_id forced_eos_token_id forced_decoder_ids".split(" "),
  ..."suppress_tokens begin_suppress_tokens bad_words_ids".split(" "),
];

const generation = [
  ..."max_length min_length do_sample early_stopping num_beams num_beam_groups num_return_sequences diversity_penalty".split(
    " ",
  ),
  ..."temperature top_k top_p typical_p repetition_penalty length_penalty no_repeat_ngram_size".split(" "),
  ..."encoder_no_repeat_ngram_size remove_invalid_values exponential_decay_length_penalty".split(" "),
];

const running = [
  ..."use_cache return_dict return_dict_in_generate output_hidden_states output_attentions output_scores".split(
    " ",
  ),
  ..."torchscript use_bfloat16 tf_legacy_loss attn_implementation _attn_implementation".split(" "),
  ..."_attn_implementation_autoset gradient_checkpointing chunk_size_feed_forward tie_encoder_decoder".split(
    " ",
  ),
  ..."is_encoder_decoder initializer_range initializer_factor init_std".split(" "),
];

export const common: Readonly<Record<string, Field>> = {
  ...Object.fromEntries([...naming, ...tokens, ...generation, ...running].map((name) => [name, neutral])),
  add_cross_attention: only(false),
  cross_attention_hidden_size: only(null),
  is_decoder: only(false),
  pruned_heads: only({}, null),
};

/** Makes fields of names, all of one kind. */
export const neutrals = (names: string): Readonly<Record<string, Field>> =>
  Object.fromEntries(names.split(" ").map((name) => [name, neutral]));

/** A field that is understood, and what the class takes where a file does not say it. */
export const read = (otherwise: Json): Field => ({ kind: "read", otherwise });
