/**
 * config.json → the family that it is of and its fields, defaults filled in; or what of it is not understood.
 *
 * ```
 * {"model_type": "gpt2", "n_embd": 32, "n_heads": 4}   →   error TFM5041: … field `n_heads` … did you mean `n_head`?
 * ```
 */
import { nearest } from "../../compiler/nearest.js";
import { fail } from "../failure.js";
import { common } from "./common.js";
import { families } from "./families.js";
import type { Config, Family, Field, Json } from "./family.js";

export interface ReadConfig {
  readonly family: Family;
  /** One of the family's. */
  readonly architecture: string;
  readonly config: Config;
}

type Fields = Readonly<Record<string, Json>>;
type KnownFields = Readonly<Record<string, Field>>;

/** `file` is the name in messages. */
export function readConfig(text: string, file: string, known: readonly Family[] = families): ReadConfig {
  const given = parse(text, file);
  const family = familyOf(given, file, known);
  const architecture = architectureOf(given, family, file);
  const fields = checkedFields(given, family.fields, file);
  return { family, architecture, config: createConfig(given, fields, file) };
}

/** All fields that may stand in `given`, which has been checked against them. */
function checkedFields(given: Fields, own: KnownFields, file: string): KnownFields {
  const fields: KnownFields = { ...common, ...own };
  for (const [name, value] of Object.entries(given)) checkField(fields, name, value, file);
  for (const [name, field] of Object.entries(fields))
    if (field.kind === "needed" && !Object.hasOwn(given, name))
      fail("not-understood", `\`${file}\` lacks the field \`${name}\``, undefined, file);
  return fields;
}

const isObject = (value: Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parse(text: string, file: string): Fields {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return fail("not-understood", `\`${file}\` is not JSON: ${why}`, undefined, file);
  }
  if (isObject(value)) return value;
  return fail(
    "not-understood",
    `\`${file}\` is not an object of fields but ${shown(value)}`,
    undefined,
    file,
  );
}

/** A value as it stands in the file, cut where it is long. */
function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

const field = (given: Fields, name: string): Json | undefined =>
  Object.hasOwn(given, name) ? given[name] : undefined;

function familyOf(given: Fields, file: string, known: readonly Family[]): Family {
  const type = field(given, "model_type");
  const names = known.map(({ modelType }) => modelType);
  const list = `known are ${names.join(", ")}`;
  if (typeof type !== "string")
    return fail(
      "not-understood",
      `\`${file}\` does not say of which family the model is: \`model_type\` is ${type === undefined ? "missing" : shown(type)}`,
      list,
      file,
    );
  const found = known.find(({ modelType }) => modelType === type);
  if (found) return found;
  const near = nearest(type, names);
  return fail(
    "not-understood",
    `\`${file}\`: the family \`${type}\` is not known`,
    near ? `did you mean \`${near}\`? ${list}` : list,
    file,
  );
}

function architectureOf(given: Fields, { architectures, modelType }: Family, file: string): string {
  const classes = field(given, "architectures") ?? architectures.slice(0, 1);
  const known = `of ${modelType} ${architectures.join(" and ")} ${architectures.length > 1 ? "are" : "is"} known`;
  if (!Array.isArray(classes) || !classes.every((name) => typeof name === "string"))
    return fail(
      "not-understood",
      `\`${file}\`: \`architectures\` is ${shown(classes)} and no list of names`,
      known,
      file,
    );
  const found = architectures.find((name) => classes.includes(name));
  if (found !== undefined) return found;
  return fail(
    "not-understood",
    `\`${file}\`: the class ${classes.map((name) => `\`${name}\``).join(", ") || "of the model"} is not understood`,
    `${known}; save the model as such a class`,
    file,
  );
}

function checkField(fields: Readonly<Record<string, Field>>, name: string, value: Json, file: string): void {
  const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (!known) {
    const near = nearest(name, Object.keys(fields));
    fail(
      "not-understood",
      `\`${file}\`: the field \`${name}\`, here ${shown(value)}, is not understood`,
      near
        ? `did you mean \`${near}\`?`
        : "it may change what the model computes; take it out where you know that it does not",
      file,
    );
  }
  if (known.kind === "part") {
    if (!isObject(value))
      fail(
        "not-understood",
        `\`${file}\`: \`${name}\` is ${shown(value)} and no object of fields`,
        undefined,
        file,
      );
    checkedFields(value, known.fields, `${file}: ${name}`);
    return;
  }
  if (known.kind !== "only" || known.values.some((one) => JSON.stringify(one) === JSON.stringify(value)))
    return;
  fail(
    "not-understood",
    `\`${file}\`: the field \`${name}\` is ${shown(value)}; understood is ${known.values.map(shown).join(" or ")}`,
    "another value changes what the model computes",
    file,
  );
}

function createConfig(given: Fields, fields: Readonly<Record<string, Field>>, file: string): Config {
  const get = (name: string): Json => {
    const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!known) throw new Error(`internal: the field \`${name}\` is in no list`);
    const value = field(given, name);
    if (value !== undefined) return value;
    if (known.kind === "read") return known.otherwise;
    return known.kind === "only" ? (known.values[0] ?? null) : null;
  };
  const refuse = (name: string, why: string): never =>
    fail("not-understood", `\`${file}\`: \`${name}\` is ${shown(get(name))}: ${why}`, undefined, file);
  const typed =
    <T>(is: (value: Json) => value is Json & T, what: string) =>
    (name: string): T => {
      const value = get(name);
      return is(value) ? value : refuse(name, `it must be ${what}`);
    };
  const size = typed(isSize, `a whole number from 1 to ${largestSize}`);
  return {
    get,
    refuse,
    number: typed(isNumber, "a number"),
    size,
    optionalSize: (name) => (get(name) === null ? undefined : size(name)),
    part(name) {
      const known = fields[name];
      if (known?.kind !== "part") throw new Error(`internal: \`${name}\` is no part`);
      const inner = field(given, name);
      return createConfig(isObject(inner) ? inner : {}, { ...common, ...known.fields }, `${file}: ${name}`);
    },
    boolean: typed((value): value is boolean => typeof value === "boolean", "true or false"),
    string: typed((value): value is string => typeof value === "string", "a text"),
    optionalNumber: (name) => (get(name) === null ? undefined : typed(isNumber, "a number or null")(name)),
    numbers: typed((value): value is readonly number[] => isList(value, isNumber), "a list of numbers"),
    strings: typed(
      (value): value is readonly string[] => isList(value, (one) => typeof one === "string"),
      "a list of texts",
    ),
  };
}

/** No published model is near it; what is larger is a mistake. */
const largestSize = 2 ** 24;

const isNumber = (value: Json): value is number => typeof value === "number" && Number.isFinite(value);
const isSize = (value: Json): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= largestSize;
const isList = (value: Json, is: (one: Json) => boolean): boolean => Array.isArray(value) && value.every(is);
