/**
 * Families and their knobs → the JSON Schema of a model (draft-07), for editors and for `readJson`.
 *
 *     { name: "decoder", knobs: [{ name: "layers", doc: "how many", default: 12 }] }
 *       →  definitions.decoder.properties.layers = { description: "how many", default: 12, … }
 *
 * Which statement an object is, its one key of that name says; `if` … `then` asks for it, so that a mistake is one
 * error at its own place and not one per statement there is.
 */
import type { Family, Knob } from "./knobs.js";

export type Schema = Readonly<Record<string, unknown>>;

const ref = (name: string): Schema => ({ $ref: `#/definitions/${name}` });
const described = (description: string, schema: Schema): Schema => ({ description, ...schema });
const text = (description: string): Schema => ({ type: "string", description });
const flag = (description: string): Schema => ({ type: "boolean", description });
const value = (description: string): Schema => described(description, { allOf: [ref("value")] });
const listOf = (items: Schema, description: string): Schema => ({ type: "array", items, description });
/** One, or a list of them. */
const oneOrMore = (description: string): Schema => ({
  type: ["string", "array"],
  items: { type: "string" },
  minItems: 1,
  description,
});

const valueShape: Schema = {
  type: ["number", "string", "boolean", "null", "array"],
  items: ref("value"),
};

const object = (properties: Schema, required: readonly string[], more: Schema | boolean = false): Schema => ({
  type: "object",
  properties,
  required,
  additionalProperties: more,
});

const body = (description: string): Schema => listOf(ref("statement"), description);
const law: Schema = object({ law: text("The law's name."), claim: value("What must hold.") }, [
  "law",
  "claim",
]);
const doc: Schema = {
  type: ["string", "array"],
  items: { type: "string" },
  description: "What it is, for people: a line, or a list of lines.",
};
const parameters: Schema = {
  type: ["object", "array"],
  additionalProperties: ref("value"),
  items: { type: "string" },
  description:
    'Parameters as a list of strings in the language, such as "x[t, d]" and "hidden = 4 * d", or as an object from names to default values.',
};
const settings = (description: string): Schema => ({
  type: "object",
  additionalProperties: ref("value"),
  description,
});

const statements = {
  param: object(
    {
      param: oneOrMore('Learned tensors: "w[d, hidden]", or a list of them.'),
      init: value("Initial values, such as normal(0.02)."),
      condition: value("Whether they exist at all."),
      frozen: flag("Not learned."),
      decay: flag("Inside or outside weight decay, whatever the rank."),
    },
    ["param"],
  ),
  state: object(
    {
      state: text('A value of an optimizer that outlives the step: "m" or "m[d]".'),
      value: value("Its start."),
    },
    ["state", "value"],
  ),
  table: object(
    {
      table: text('A constant tensor that the host computes once: "angle[t, half]".'),
      indices: listOf({ type: "string" }, "The names of its indices in the formula."),
      value: value("The element at these indices."),
    },
    ["table", "indices", "value"],
  ),
  input: object(
    {
      input: text('An input for one example: "tokens[t <= context]".'),
      type: text('What its elements are: "int(bound)", "real" or "bool".'),
    },
    ["input", "type"],
  ),
  rename: object(
    {
      rename: text('An input, or one that is derived from it: "tokens", "valid(tokens)".'),
      as: text("What callers call it."),
    },
    ["rename", "as"],
  ),
  assign: object(
    {
      assign: text('The name, with indices where the formula is about elements: "x" or "y[i, c]".'),
      value: value("What it is from here on."),
      operator: { enum: ["+", "*"], description: 'For "x += …" and "x *= …".' },
    },
    ["assign", "value"],
  ),
  use: object(
    { use: text("The instance's name."), value: text('A call of a block: "embedding(vocab, d)".') },
    ["use", "value"],
  ),
  repeat: object(
    {
      repeat: value("How many turns."),
      as: text("The name of the turn, which counts from 0."),
      shared: flag("One set of parameters for all turns."),
      body: body("What each turn does."),
    },
    ["repeat", "body"],
  ),
  if: object(
    {
      if: value("A compile-time condition."),
      then: body("Where it holds."),
      else: body("Where it does not."),
    },
    ["if", "then"],
  ),
  match: object(
    {
      match: value("A named choice or an integer."),
      cases: listOf(ref("case"), "The first that fits is taken."),
    },
    ["match", "cases"],
  ),
  output: object({ output: text("A tensor to return."), value: value("What it is.") }, ["output", "value"]),
  loss: object({ loss: value("A term of what training minimises.") }, ["loss"]),
  train: object({ train: ref("train") }, ["train"]),
  probe: object({ probe: text("A tensor to show to tools."), value: value("What it is.") }, [
    "probe",
    "value",
  ]),
  return: object({ return: value("What the block gives, or a list of several such values.") }, ["return"]),
  law,
} as const satisfies Readonly<Record<string, Schema>>;

const derived = (kind: "model" | "variant"): Schema =>
  object(
    {
      [kind]: text("Its name."),
      doc,
      base: text("The model whose parameters it sets: a family of the library, or any other."),
      settings: settings("Values for parameters of the base."),
      body: body("More of them, as statements: assign, train and law."),
    },
    [kind, "base"],
  );

const formula = (kind: "mask" | "score"): Schema =>
  object(
    {
      [kind]: text("Its name."),
      doc,
      captures: parameters,
      arguments: listOf({ type: "string" }, "The names of the indices of the formula."),
      value: value("The formula."),
    },
    [kind, "arguments", "value"],
  );

const declarations = {
  import: object({ import: text("A file, .tfm or .json, relative to this one.") }, ["import"]),
  model: {
    if: { required: ["base"] },
    then: ref("derivedModel"),
    else: object({ model: text("Its name."), doc, parameters, body: body("Its statements, in order.") }, [
      "model",
      "body",
    ]),
  },
  variant: derived("variant"),
  block: object({ block: text("Its name."), doc, parameters, body: body("Its statements, in order.") }, [
    "block",
    "parameters",
    "body",
  ]),
  mask: formula("mask"),
  score: formula("score"),
  law,
} as const satisfies Readonly<Record<string, Schema>>;

const keysOf = <K extends string>(rows: Readonly<Record<K, unknown>>): readonly K[] =>
  Object.keys(rows) as K[];

/** The keys that name a kind; an object has one of them. */
export const statementKinds = keysOf(statements);
export const declarationKinds = keysOf(declarations);

/** The rows' keys tell which row an object is. */
function choice(rows: Readonly<Record<string, Schema>>, prefix: string): Schema {
  const properties = Object.fromEntries(Object.keys(rows).map((key) => [key, true]));
  const decide = Object.keys(rows).reduceRight<Schema | false>(
    (rest, key) => ({ if: { required: [key] }, then: ref(`${prefix}${key}`), else: rest }),
    false,
  );
  return { type: "object", properties, ...(decide as Schema) };
}

const prefixed = (rows: Readonly<Record<string, Schema>>, prefix: string): Schema =>
  Object.fromEntries(Object.entries(rows).map(([key, row]) => [`${prefix}${key}`, row]));

/** Keys of the flat shape that are no knobs. */
export const flatKeys = ["$schema", "model", "name", "imports", "doc", "train", "variants"] as const;
/** Keys of a variant in it. */
export const variantKeys = ["doc", "train"] as const;

function flat(knobs: Schema, more: Schema | boolean, variant: string): Schema {
  return object(
    {
      $schema: text("This schema, for editors."),
      model: text("The family, or any other model, whose knobs are set."),
      name: text("The name of the model."),
      imports: listOf({ type: "string" }, "Files whose declarations are visible here."),
      doc,
      ...knobs,
      train: ref("train"),
      variants: {
        type: "object",
        additionalProperties: ref(variant),
        description: "Other models, by name: this one with some knobs set otherwise.",
      },
    },
    ["model", "name"],
    more,
  );
}

const variantShape = (knobs: Schema, more: Schema | boolean): Schema =>
  object({ doc, ...knobs, train: ref("train") }, [], more);

const knobSchema = ({ doc: meaning, default: byDefault }: Knob): Schema => ({
  ...(meaning !== "" && { description: meaning }),
  ...(byDefault !== undefined && { default: byDefault }),
  ...{ allOf: [ref("value")] },
});

function familyDefinitions({ name, doc: about, knobs }: Family): readonly (readonly [string, Schema])[] {
  const properties = Object.fromEntries(knobs.map((knob) => [knob.name, knobSchema(knob)]));
  return [
    [
      `family.${name}`,
      { ...(about !== "" && { description: about }), ...flat(properties, false, `variant.${name}`) },
    ],
    [`variant.${name}`, variantShape(properties, false)],
  ];
}

/** A family by its name, unless an import may mean another model by it; any other model takes what it takes. */
function flatChoice(families: readonly Family[]): Schema {
  return families.reduceRight<Schema>(
    (rest, { name }) => ({
      if: {
        properties: { model: { const: name } },
        required: ["model"],
        not: { required: ["imports"] },
      },
      then: ref(`family.${name}`),
      else: rest,
    }),
    ref("config"),
  );
}

export function modelSchema(families: readonly Family[]): Schema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A transformer, for tfmc",
    type: "object",
    if: { required: ["declarations"] },
    then: ref("file"),
    else: flatChoice(families),
    definitions: {
      file: object(
        {
          $schema: text("This schema, for editors."),
          declarations: listOf(
            ref("declaration"),
            "Imports, models, blocks, masks, scores and laws, in order.",
          ),
        },
        ["declarations"],
      ),
      config: flat({}, ref("value"), "variant"),
      variant: variantShape({}, ref("value")),
      ...Object.fromEntries(families.flatMap(familyDefinitions)),
      value: described(
        "A number, a truth value, null for none, a list of values, or a string with an expression of the language.",
        valueShape,
      ),
      train: {
        type: ["object", "array"],
        additionalProperties: ref("value"),
        items: object({ set: text("A setting."), value: value("Its value.") }, ["set", "value"]),
        description: "The recipe: optimizer, schedule, clip, batch, steps.",
      },
      case: {
        type: "object",
        properties: { case: true, else: true, body: true },
        if: { required: ["else"] },
        then: object({ else: body("Where no other case fits.") }, ["else"]),
        else: object({ case: value("A pattern, or a list of patterns."), body: body("What is done then.") }, [
          "case",
          "body",
        ]),
      },
      declaration: choice(declarations, "declaration."),
      ...prefixed(declarations, "declaration."),
      derivedModel: derived("model"),
      statement: choice(statements, "statement."),
      ...prefixed(statements, "statement."),
    },
  };
}
