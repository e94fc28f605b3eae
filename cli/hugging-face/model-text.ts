/**
 * Settings → a model in config form, as text in the language.
 *
 * ```
 * configForm("gpt2", "decoder", { layers: 2, norm: "layer_norm(eps: 1e-6)" }, ["tokens as input_ids"])
 *
 * model gpt2 : decoder {
 *   layers = 2
 *   norm = layer_norm(eps: 1e-6)
 *   input tokens as input_ids
 * }
 * ```
 */

/** What the inputs of a model that continues texts are called there: `labels` are shifted by the class itself, `shift_labels` are not. */
export const causalInputs: readonly string[] = [
  "tokens as input_ids",
  "valid(tokens) as attention_mask",
  "next(tokens) as shift_labels",
];

/** Undefined: left to the base's default. Texts are expressions of the language. */
export type Setting = number | boolean | string | undefined;
export type Settings = Readonly<Record<string, Setting>>;

export function configForm(
  name: string,
  base: string,
  settings: Settings,
  inputs: readonly string[] = [],
): string {
  const lines = Object.entries(settings).flatMap(([knob, value]) =>
    value === undefined ? [] : [`${knob} = ${valueText(value)}`],
  );
  const all = [...lines, ...inputs.map((input) => `input ${input}`)];
  return `model ${name} : ${base} {\n${all.map((line) => `  ${line}\n`).join("")}}\n`;
}

/** The parameters of a model in structure form, with their values: `layers = 2, heads = 4`. */
export const parameterList = (settings: Settings): string =>
  Object.entries(settings)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name} = ${valueText(value)}`]))
    .join(", ");

/** `value` where it is not what holds anyway. */
export const unless = <T extends Setting>(otherwise: T, value: T): T | undefined =>
  value === otherwise ? undefined : value;

/** `rope(base: 10000, fraction: 0.25)`; only the name where no argument says anything. */
export function call(name: string, args: Settings): string {
  const given = Object.entries(args).filter(([, value]) => value !== undefined);
  if (given.length === 0) return name;
  return `${name}(${given.map(([argument, value]) => `${argument}: ${valueText(value)}`).join(", ")})`;
}

const valueText = (value: Setting): string => (typeof value === "number" ? numberText(value) : String(value));

/** 0.00001 → 1e-5 */
export function numberText(value: number): string {
  const plain = String(value);
  const short = value.toExponential().replace("e+", "e");
  return short.length < plain.length ? short : plain;
}
