/**
 * The Hugging Face families that tfmc knows, one row each.
 */
import { albert } from "./families/albert.js";
import { bart } from "./families/bart.js";
import { bert } from "./families/bert.js";
import { bloom } from "./families/bloom.js";
import { clip } from "./families/clip.js";
import { gemma, gemma2 } from "./families/gemma.js";
import { gptNeox } from "./families/gpt_neox.js";
import { gpt2 } from "./families/gpt2.js";
import { llama, mistral, mixtral, qwen2, qwen3 } from "./families/llama.js";
import { longformer } from "./families/longformer.js";
import { marian } from "./families/marian.js";
import { opt } from "./families/opt.js";
import { phi, phi3 } from "./families/phi.js";
import { roformer } from "./families/roformer.js";
import { mt5, t5 } from "./families/t5.js";
import { vit } from "./families/vit.js";
import { whisper } from "./families/whisper.js";
import { xlnet } from "./families/xlnet.js";
import type { Family } from "./family.js";

const decoders: readonly Family[] = [
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

const encoders: readonly Family[] = [bert, albert, roformer, longformer, xlnet];

const translators: readonly Family[] = [t5, mt5, bart, marian];

const modalities: readonly Family[] = [vit, whisper, clip];

export const families: readonly Family[] = [...decoders, ...encoders, ...translators, ...modalities];
