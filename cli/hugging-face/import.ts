/**
 * A Hugging Face folder → the model in the language, its parameters, and what export needs to write the folder again.
 *
 * ```
 * {config.json, model.safetensors, tokenizer.json}   →   {model.tfm, model.safetensors, hugging-face.json, config.json, tokenizer.json}
 * ```
 */
import { join } from "node:path";
import { format } from "../../compiler/index.js";
import type { Built } from "../../compiler/ir/graph.js";
import { packSafetensors } from "../../runtime/safetensors.js";
import type { Context } from "../context.js";
import { exists, filesIn, limits, readBytes, readText } from "../files.js";
import { buildReported } from "../load.js";
import type { Checkpoint } from "./checkpoint-files.js";
import { indexName, readCheckpointFiles, readType, recordOf, weightsName } from "./checkpoint-files.js";
import type { ReadConfig } from "./config.js";
import { readConfig } from "./config.js";
import type { Shapes, WeightPlan } from "./plan.js";
import { planWeights } from "./plan.js";
import { recordName } from "./record.js";
import { checkLikes, checkPlan, toParameters } from "./weights.js";
import { wordsOf } from "./words.js";

export interface Imported {
  readonly modelType: string;
  readonly architecture: string;
  readonly built: Built;
  /** The text of model.tfm. */
  readonly text: string;
  /** File name → contents: the folder to write. */
  readonly files: ReadonlyMap<string, Uint8Array | string>;
  readonly notes: readonly string[];
}

/** What says how text and other inputs become numbers, and goes along as it is. */
const companions = [
  ..."generation_config.json tokenizer.json tokenizer_config.json special_tokens_map.json added_tokens.json".split(
    " ",
  ),
  ..."vocab.json merges.txt vocab.txt spiece.model tokenizer.model sentencepiece.bpe.model source.spm target.spm".split(
    " ",
  ),
  ..."preprocessor_config.json processor_config.json normalizer.json chat_template.jinja chat_template.json".split(
    " ",
  ),
];

/** `file` is the name under which diagnostics speak of the model's text. Undefined where they have been reported. */
export function importFolder(context: Context, folder: string, file: string): Imported | undefined {
  const checkpoint = readCheckpointFiles(folder);
  const path = join(folder, "config.json");
  const configText = readText(path, limits.model);
  const read = readConfig(configText, path);
  const text = modelText(read);
  const built = buildReported(context, { file, text });
  if (!built) return undefined;
  const plan = planChecked(read, checkpoint, built, folder);
  const present = companions.filter((name) => exists(join(folder, name)));
  const left = new Set(plan.ignored.keys());
  const record = {
    ...recordOf(checkpoint, left, ["config.json", ...present]),
    ...(plan.kept.size > 0 ? { kept: keptBytes(plan, checkpoint) } : {}),
  };
  const files = new Map<string, Uint8Array | string>([
    ["model.tfm", text],
    [weightsName, parametersFile(plan, checkpoint, built)],
    [recordName, `${JSON.stringify(record)}\n`],
    ["config.json", configText],
    ...present.map((name) => [name, readBytes(join(folder, name), limits.text)] as const),
  ]);
  const { architecture, family } = read;
  return {
    modelType: family.modelType,
    architecture,
    built,
    text,
    files,
    notes: notesOf(folder, plan, present),
  };
}

export function modelText({ family, config }: Pick<ReadConfig, "family" | "config">): string {
  const text = family.model(config);
  const formatted = format(text, "model.tfm", "tfm");
  if (formatted.text === undefined)
    throw new Error(
      `internal: the text of ${family.modelType} does not parse: ${formatted.diagnostics[0]?.message}\n${text}`,
    );
  return formatted.text;
}

/** Which tensor goes where, and that all of them do. */
function planChecked(
  { family, config }: ReadConfig,
  { tensors }: Checkpoint,
  built: Built,
  folder: string,
): WeightPlan {
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape] as const));
  const plan = planWeights(family.weights(config), shapes, shapesOf(built), family.prefix);
  checkPlan(plan, shapes, folder);
  const words = wordsIn(tensors);
  checkLikes(plan, words, folder);
  return plan;
}

/** Parameter → shape. */
export const shapesOf = ({ parameters }: Pick<Built, "parameters">): Shapes =>
  new Map(
    parameters.map(({ name, shape }) => [
      name,
      shape.map(({ size }) => {
        if (typeof size !== "number") throw new Error(`internal: the parameter \`${name}\` has a length`);
        return size;
      }),
    ]),
  );

const wordsIn =
  (tensors: Checkpoint["tensors"]) =>
  (name: string): Uint32Array => {
    const { dtype, bytes } = tensors.get(name)!;
    return wordsOf(readType(name, dtype), bytes);
  };

const keptBytes = ({ kept }: WeightPlan, { tensors }: Checkpoint): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...kept.keys()].map((name) => [name, Buffer.from(tensors.get(name)!.bytes).toString("base64")]),
  );

function parametersFile(plan: WeightPlan, { tensors }: Checkpoint, built: Built): Uint8Array {
  const words = toParameters(plan, wordsIn(tensors));
  const shapes = shapesOf(built);
  return packSafetensors(
    [...shapes].map(([name, shape]) => {
      const { buffer, byteOffset, byteLength } = words.get(name)!;
      return [name, { dtype: "F32", shape, bytes: new Uint8Array(buffer, byteOffset, byteLength) }];
    }),
    { format: "pt" },
  );
}

function notesOf(
  folder: string,
  { ignored, kept, likes }: WeightPlan,
  present: readonly string[],
): readonly string[] {
  const known = new Set(["config.json", weightsName, indexName, ...present]);
  const others = filesIn(folder)
    .map((path) => path.slice(folder.length).replace(/^[/\\]+/, ""))
    .filter(
      (name) => !known.has(name) && !name.startsWith(".") && !/^model-\d+-of-\d+\.safetensors$/.test(name),
    );
  const whats = [...new Set(ignored.values())];
  return [
    ...whats.map((what) => {
      const names = [...ignored].filter(([, why]) => why === what).map(([name]) => name);
      return `not used: ${what}, ${names.length > 1 ? `${names.length} tensors such as ` : ""}\`${names[0]}\``;
    }),
    ...[...kept].map(([name, what]) => `not used and kept for export: ${what}, \`${name}\``),
    ...[...likes].map(([name, like]) => `\`${name}\` is \`${like}\``),
    ...(present.includes("tokenizer.json")
      ? []
      : ["the folder has no tokenizer.json: `generate` and `eval` need one"]),
    ...(others.length > 0 ? [`not taken along: ${others.join(", ")}`] : []),
  ];
}
