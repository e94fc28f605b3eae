/**
 * Rotary positions as configs state them, in the spelling of version 4 (`rope_theta`, `rope_scaling`) or 5 (`rope_parameters`) → the
 * library's.
 *
 *   "rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3", "factor": 8, …}  →  rope(base: 500000, scaling: llama3, factor: 8, original: 8192)
 */
import { read } from "./common.js";
import type { Config, Field, Json } from "./family.js";
import type { Settings } from "./model-text.js";
import { call, unless } from "./model-text.js";

/** `fraction`: how much of a head is turned where the config does not say. */
export const rotaryFields = (theta = 10000, fraction = 1): Readonly<Record<string, Field>> => ({
  rope_theta: read(theta),
  rope_scaling: read(null),
  rope_parameters: read(null),
  partial_rotary_factor: read(fraction),
  max_position_embeddings: { kind: "needed" },
});

type Given = Readonly<Record<string, Json>>;

/** What the scaling may say; other keys are refused. */
const keys = [
  ..."rope_type type rope_theta partial_rotary_factor factor original_max_position_embeddings".split(" "),
  ..."low_freq_factor high_freq_factor attention_factor beta_fast beta_slow truncate".split(" "),
];

export function rotary(config: Config): string {
  const field = config.get("rope_parameters") === null ? "rope_scaling" : "rope_parameters";
  const given = objectIn(config, field);
  for (const key of Object.keys(given))
    if (!keys.includes(key)) config.refuse(field, `\`${key}\` is not understood`);
  const number = (key: string, otherwise: number): number => numberIn(config, field, given, key, otherwise);
  const base = number("rope_theta", config.number("rope_theta"));
  const fraction = number("partial_rotary_factor", config.number("partial_rotary_factor"));
  return call("rope", {
    base: unless(10000, base),
    fraction: unless(1, fraction),
    ...scaling(config, field, given, number),
  });
}

function objectIn(config: Config, field: string): Given {
  const value = config.get(field);
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) return config.refuse(field, "it must be an object");
  return value as Given;
}

function numberIn(config: Config, field: string, given: Given, key: string, otherwise: number): number {
  const value = Object.hasOwn(given, key) ? given[key] : undefined;
  if (value === undefined || value === null) return otherwise;
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  return config.refuse(field, `\`${key}\` must be a number above 0`);
}

type NumberIn = (key: string, otherwise: number) => number;

function scaling(config: Config, field: string, given: Given, number: NumberIn): Settings {
  const kind = given["rope_type"] ?? given["type"] ?? "default";
  const exactly = (key: string, wanted: number): void => {
    if (number(key, wanted) !== wanted) config.refuse(field, `\`${key}\` is understood as ${wanted} only`);
  };
  switch (kind) {
    case "default":
      return {};
    case "linear":
      return { scaling: "linear", factor: factorOf(config, field, number) };
    case "llama3":
      exactly("low_freq_factor", 1);
      exactly("high_freq_factor", 4);
      return {
        scaling: "llama3",
        factor: factorOf(config, field, number),
        original: originalOf(config, number),
      };
    case "yarn": {
      const factor = factorOf(config, field, number);
      exactly("beta_fast", 32);
      exactly("beta_slow", 1);
      const sharper = 0.1 * Math.log(factor) + 1;
      if (Math.abs(number("attention_factor", sharper) - sharper) > 1e-6)
        config.refuse(field, "`attention_factor` is understood as 0.1 ln(factor) + 1 only");
      if ((given["truncate"] ?? true) !== true) config.refuse(field, "`truncate` is understood as true only");
      return { scaling: "yarn", factor, original: originalOf(config, number) };
    }
    default:
      return config.refuse(
        field,
        `the kind ${JSON.stringify(kind)} is not understood; known are default, linear, llama3, yarn`,
      );
  }
}

function factorOf(config: Config, field: string, number: NumberIn): number {
  const factor = number("factor", 0);
  return factor >= 1 ? factor : config.refuse(field, "`factor` must be a number from 1 up");
}

const originalOf = (config: Config, number: NumberIn): number =>
  number("original_max_position_embeddings", config.size("max_position_embeddings"));
