/**
 * Names of activations in configs → those of the library.
 *
 *   "gelu_new" → gelu_tanh          "gelu" → gelu
 */
import type { Config } from "./family.js";

const known: Readonly<Record<string, string>> = {
  relu: "relu",
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "gelu_tanh",
  gelu_fast: "gelu_tanh",
  gelu_pytorch_tanh: "gelu_tanh",
  silu: "silu",
  quick_gelu: "quick_gelu",
  swish: "silu",
};

/** `name` is what the field says, or a part of it. */
export function activation(config: Config, field: string, name = config.string(field)): string {
  if (Object.hasOwn(known, name)) return known[name]!;
  return config.refuse(field, `known are ${Object.keys(known).join(", ")}`);
}
