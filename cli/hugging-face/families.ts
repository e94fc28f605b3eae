/**
 * The Hugging Face families that tfmc knows, one row each.
 */
import { clip } from "./families/clip.js";
import { gpt2 } from "./families/gpt2.js";
import { longformer } from "./families/longformer.js";
import { vit } from "./families/vit.js";
import { whisper } from "./families/whisper.js";
import { xlnet } from "./families/xlnet.js";
import type { Family } from "./family.js";

export const families: readonly Family[] = [gpt2, longformer, xlnet, vit, whisper, clip];
