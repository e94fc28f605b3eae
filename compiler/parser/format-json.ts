/**
 * Model → canonical JSON text. Reading it again gives an equal Model (but for spans); formatting that changes nothing.
 *
 *     model gpt2 : decoder { layers = 12 }   →   {
 *                                                  "model": "decoder",
 *                                                  "name": "gpt2",
 *                                                  "layers": 12
 *                                                }
 *
 * One configured model, what it imports and its variants make the flat shape; anything else is a list of declarations.
 */
import { dangerousKeys } from "./json/dangerous.js";
import { flatKeys, variantKeys } from "./json/schema.js";
import { settingsLayout, statementLayout } from "./json/statement-text.js";
import { doc, list, member, names, object, parameters, tall } from "./json/text.js";
import { valueText } from "./json/value-text.js";
import type { Layout } from "./layout.js";
import { layOut } from "./layout.js";
import type { AssignStatement, Declaration, Model, ModelDeclaration, Statement } from "./model.js";

const lineWidth = 110;

export interface JsonOptions {
  /** The `$schema` that the document had, which is no part of the Model. */
  readonly schema?: string | undefined;
}

export function formatJson(model: Model, { schema }: JsonOptions = {}): string {
  const members = flatOf(model) ?? [member("declarations", list(model.declarations.map(declaration), true))];
  const all = [...(schema === undefined ? [] : [member("$schema", JSON.stringify(schema))]), ...members];
  return `${layOut(tall(all), 0, lineWidth)}\n`;
}

// --------------------------------------------------------- the flat shape

/** Undefined where the file says more than the shape can hold. */
function flatOf({ declarations }: Model): readonly Layout[] | undefined {
  const first = declarations.findIndex((d) => d.kind !== "import");
  const [head, ...rest] = declarations.slice(first < 0 ? declarations.length : first);
  const imports = declarations.slice(0, first).flatMap((d) => (d.kind === "import" ? [d.path] : []));
  if (head?.kind !== "model" || head.base === undefined || head.variant) return undefined;
  const settings = settingsOf(head, flatKeys);
  const variants = rest.map((d) => variantOf(d, head.name.text));
  const different = new Set(rest.map((d) => ("name" in d ? d.name.text : "")));
  if (!settings || variants.includes(undefined) || different.size < rest.length) return undefined;
  return [
    member("model", JSON.stringify(head.base.text)),
    member("name", JSON.stringify(head.name.text)),
    ...(imports.length > 0 ? [member("imports", list(imports.map((path) => JSON.stringify(path))))] : []),
    ...doc(head.doc),
    ...settings,
    ...(variants.length > 0 ? [member("variants", tall(variants as Layout[]))] : []),
  ];
}

function variantOf(d: Declaration, base: string): Layout | undefined {
  if (d.kind !== "model" || !d.variant || d.base?.text !== base || dangerousKeys.has(d.name.text))
    return undefined;
  const settings = settingsOf(d, variantKeys);
  return settings && member(d.name.text, object([...doc(d.doc), ...settings]));
}

/** The body as members of an object, in its order; undefined where keys would collide or it is more than settings. */
function settingsOf(d: ModelDeclaration, taken: readonly string[]): readonly Layout[] | undefined {
  const keys = new Set<string>([...taken.filter((key) => key !== "train"), "declarations"]);
  const members: Layout[] = [];
  for (const s of d.body) {
    const key = s.kind === "train" ? "train" : isSetting(s) && s.target.text !== "train" ? s.target.text : "";
    if (key === "" || keys.has(key) || dangerousKeys.has(key)) return undefined;
    keys.add(key);
    if (s.kind === "train") members.push(member(key, settingsLayout(s)));
    else if (isSetting(s)) members.push(member(key, valueText(s.value)));
  }
  return d.parameters.length > 0 ? undefined : members;
}

const isSetting = (s: Statement): s is AssignStatement =>
  s.kind === "assign" && s.indices === undefined && s.operator === undefined;

// ------------------------------------------------------ the general shape

function declaration(d: Declaration): Layout {
  switch (d.kind) {
    case "import":
      return object([member("import", JSON.stringify(d.path))]);
    case "law":
      return statementLayout(d);
    case "mask":
    case "score":
      return object([
        member(d.kind, JSON.stringify(d.name.text)),
        ...doc(d.doc),
        ...(d.captures.length > 0 ? [member("captures", parameters(d.captures))] : []),
        member("arguments", names(d.arguments)),
        member("value", valueText(d.value)),
      ]);
    case "block":
      return tall([
        member("block", JSON.stringify(d.name.text)),
        ...doc(d.doc),
        member("parameters", parameters(d.parameters)),
        body(d.body),
      ]);
    case "model":
      return d.base === undefined ? plainModel(d) : derivedModel(d, d.base.text);
    default:
      return d satisfies never;
  }
}

const body = (statements: readonly Statement[]): Layout =>
  member("body", list(statements.map(statementLayout), true));

function plainModel(d: ModelDeclaration): Layout {
  return tall([
    member("model", JSON.stringify(d.name.text)),
    ...doc(d.doc),
    ...(d.parameters.length > 0 ? [member("parameters", parameters(d.parameters))] : []),
    body(d.body),
  ]);
}

/** Settings up to the first that an object cannot hold; the rest are statements. */
function derivedModel(d: ModelDeclaration, base: string): Layout {
  const keys = new Set<string>();
  const settings: Layout[] = [];
  for (const s of d.body) {
    if (!isSetting(s) || keys.has(s.target.text) || dangerousKeys.has(s.target.text)) break;
    keys.add(s.target.text);
    settings.push(member(s.target.text, valueText(s.value)));
  }
  const rest = d.body.slice(settings.length);
  return tall([
    member(d.variant ? "variant" : "model", JSON.stringify(d.name.text)),
    ...doc(d.doc),
    member("base", JSON.stringify(base)),
    ...(settings.length > 0 ? [member("settings", object(settings))] : []),
    ...(rest.length > 0 ? [body(rest)] : []),
  ]);
}
