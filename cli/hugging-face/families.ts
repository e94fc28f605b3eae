/**
 * The Hugging Face families that tfmc knows, one row each.
 */
import { gpt2 } from "./families/gpt2.js";
import type { Family } from "./family.js";

export const families: readonly Family[] = [gpt2];
