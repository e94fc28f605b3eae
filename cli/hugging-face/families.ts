/**
 * The Hugging Face families that tfmc knows, one row each.
 */
import { bloom } from "./families/bloom.js";
import { gemma, gemma2 } from "./families/gemma.js";
import { gptNeox } from "./families/gpt_neox.js";
import { gpt2 } from "./families/gpt2.js";
import { llama, mistral, mixtral, qwen2, qwen3 } from "./families/llama.js";
import { opt } from "./families/opt.js";
import { phi, phi3 } from "./families/phi.js";
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
];
