/**
 * What can go wrong while a Program runs → an error with a code, a cause and what mends it.
 *
 *   new RuntimeError("TFM6001", "No WebGPU adapter was found.", "Use `device: \"cpu\"`.")
 */

/** Every code of the runtime with its title. */
export const runtimeErrors = {
  TFM6001: "no usable device",
  TFM6002: "the program does not fit this device",
  TFM6003: "a kernel failed to compile",
  TFM6004: "an integer input is out of range",
  TFM6005: "an input is missing or has the wrong shape or type",
  TFM6006: "the device was lost",
  TFM6007: "the program has no such entry, input or output",
  TFM6008: "training diverged",
  TFM6009: "the session or device was disposed",
  TFM6101: "not a valid safetensors file",
  TFM6102: "the tensors do not match the model's parameters",
  TFM6103: "a tensor's type cannot be converted",
  TFM6104: "the weights could not be read",
  TFM6201: "the tokenizer cannot encode or decode this",
  TFM6202: "not a valid tokenizer file",
  TFM6203: "the data does not suit the model",
  TFM6301: "the checkpoint is damaged",
  TFM6302: "the checkpoint belongs to another model",
  TFM6401: "a setting is out of range",
} as const;

export type RuntimeErrorCode = keyof typeof runtimeErrors;

export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly code: RuntimeErrorCode;
  /** What to do about it. */
  readonly hint: string | undefined;

  constructor(code: RuntimeErrorCode, message: string, hint?: string, options?: ErrorOptions) {
    super(hint === undefined ? `${code}: ${message}` : `${code}: ${message} ${hint}`, options);
    this.code = code;
    this.hint = hint;
  }
}

/** The names closest to `name` by edit distance, best first, at most `count`. */
export function nearestNames(name: string, names: Iterable<string>, count = 3): readonly string[] {
  const limit = Math.max(2, Math.floor(name.length / 3));
  const scored = [...names].map((candidate) => ({
    candidate,
    distance: editDistance(name, candidate, limit),
  }));
  return scored
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** Levenshtein's distance, or limit + 1 where it is larger. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    if (Math.min(...next) > limit) return limit + 1;
    row = next;
  }
  return row[b.length]!;
}

/** "`a`, `b` and 3 more". */
export function listNames(names: readonly string[], shown = 8): string {
  const quoted = names.slice(0, shown).map((name) => `\`${name}\``);
  return names.length > shown ? `${quoted.join(", ")} and ${names.length - shown} more` : quoted.join(", ");
}
