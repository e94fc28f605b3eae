/**
 * The Hugging Face families that tfmc knows, one row each.
 */
import { albert } from "./families/albert.js";
import { bart } from "./families/bart.js";
import { bert } from "./families/bert.js";
import { bloom } from "./families/bloom.js";
import { gemma, gemma2 } from "./families/gemma.js";
import { gptNeox } from "./families/gpt_neox.js";
import { gpt2 } from "./families/gpt2.js";
import { llama, mistral, mixtral, qwen2, qwen3 } from "./families/llama.js";
import { marian } from "./families/marian.js";
import { opt } from "./families/opt.js";
import { phi, phi3 } from "./families/phi.js";
import { roformer } from "./families/roformer.js";
import { mt5, t5 } from "./families/t5.js";
import type { Family } from "./family.js";

export const families: readonly Family[] = [
  gpt2,
  gptNeox,
  opt,
  bloom,
  llama,
  mistral,
  mixtral,
  qwen2,
  qwen3,
  gemma,
  gemma2,
  phi,
  phi3,
  bert,
  albert,
  roformer,
  t5,
  mt5,
  bart,
  marian,
];
