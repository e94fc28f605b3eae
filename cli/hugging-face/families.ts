/**
 * The Hugging Face families that tfmc knows, one row each.
 */
import { albert } from "./families/albert.js";
import { bart } from "./families/bart.js";
import { bert } from "./families/bert.js";
import { clip } from "./families/clip.js";
import { gpt2 } from "./families/gpt2.js";
import { longformer } from "./families/longformer.js";
import { marian } from "./families/marian.js";
import { roformer } from "./families/roformer.js";
import { mt5, t5 } from "./families/t5.js";
import { vit } from "./families/vit.js";
import { whisper } from "./families/whisper.js";
import { xlnet } from "./families/xlnet.js";
import type { Family } from "./family.js";

export const families: readonly Family[] = [
  gpt2,
  bert,
  albert,
  roformer,
  t5,
  mt5,
  bart,
  marian,
  longformer,
  xlnet,
  vit,
  whisper,
  clip,
];
