/**
 * JSON document → declarations of the Model: the flat shape of one configured model, or a list of declarations.
 *
 *     { "model": "decoder", "name": "gpt2", "layers": 12 }  →  model gpt2 : decoder { layers = 12 }
 */
import type {
  AssignStatement,
  Declaration,
  FormulaDeclaration,
  ImportDeclaration,
  ModelDeclaration,
  Name,
  Statement,
} from "../model.js";
import type { Context } from "../tree-expressions.js";
import type { JsonMember, JsonNode } from "./node.js";
import { itemsOf, memberOf } from "./node.js";
import { declarationKinds, flatKeys, variantKeys } from "./schema.js";
import { bodyIn, lawOf, trainOf } from "./statements.js";
import { docIn, expressionOf, nameIn, namesIn, parametersIn } from "./values.js";

export function declarationsIn(root: JsonNode, c: Context): readonly Declaration[] {
  const list = memberOf(root, "declarations");
  if (list) return itemsOf(list).flatMap((node) => declarationOf(node, c));
  return root.kind === "object" && memberOf(root, "model") ? flatIn(root, c) : [];
}

// --------------------------------------------------------- the flat shape

function flatIn(root: JsonNode & { readonly kind: "object" }, c: Context): readonly Declaration[] {
  const name = nameIn(memberOf(root, "name"), c);
  const variants = memberOf(root, "variants");
  const model: ModelDeclaration = {
    kind: "model",
    name,
    parameters: [],
    base: nameIn(memberOf(root, "model"), c),
    variant: false,
    body: settingsIn(root.members, new Set(flatKeys), c),
    doc: docIn(memberOf(root, "doc")),
    span: root.span,
  };
  const others = variants?.kind === "object" ? variants.members.map((m) => flatVariant(m, name, c)) : [];
  return [...importsIn(memberOf(root, "imports")), model, ...others];
}

const importsIn = (node: JsonNode | undefined): readonly ImportDeclaration[] =>
  itemsOf(node).flatMap((path) =>
    path.kind === "string" ? [{ kind: "import" as const, path: path.value, span: path.span }] : [],
  );

function flatVariant({ key, value }: JsonMember, base: Name, c: Context): ModelDeclaration {
  return {
    kind: "model",
    name: nameIn(key, c),
    parameters: [],
    base,
    variant: true,
    body: value.kind === "object" ? settingsIn(value.members, new Set(variantKeys), c) : [],
    doc: docIn(memberOf(value, "doc")),
    span: value.span,
  };
}

/** Knobs and the recipe in the order written. */
function settingsIn(
  members: readonly JsonMember[],
  others: ReadonlySet<string>,
  c: Context,
): readonly Statement[] {
  return members.flatMap((member): readonly Statement[] => {
    if (member.key.value === "train") return [trainOf(member.value, c, member.value)];
    return others.has(member.key.value) ? [] : [settingOf(member, c)];
  });
}

const settingOf = ({ key, value }: JsonMember, c: Context): AssignStatement => ({
  kind: "assign",
  target: nameIn(key, c),
  indices: undefined,
  operator: undefined,
  value: expressionOf(value, c),
  span: { file: c.file, start: key.span.start, end: value.span.end },
});

// ------------------------------------------------------ the general shape

/** None where no key names a kind, which the schema has reported. */
function declarationOf(node: JsonNode, c: Context): readonly Declaration[] {
  const kind = declarationKinds.find((key) => memberOf(node, key));
  if (kind === undefined) return [];
  const name = () => nameIn(memberOf(node, kind), c);
  const doc = docIn(memberOf(node, "doc"));
  const { span } = node;
  switch (kind) {
    case "import": {
      const path = memberOf(node, kind);
      return [{ kind, path: path?.kind === "string" ? path.value : "", span }];
    }
    case "model":
    case "variant":
      return [modelOf(node, kind, name(), doc, c)];
    case "block": {
      const parameters = parametersIn(memberOf(node, "parameters"), c);
      return [{ kind, name: name(), parameters, body: bodyIn(memberOf(node, "body"), c), doc, span }];
    }
    case "mask":
    case "score":
      return [formulaOf(node, kind, name(), doc, c)];
    case "law":
      return [lawOf(node, c)];
    default:
      return kind satisfies never;
  }
}

function modelOf(
  node: JsonNode,
  kind: "model" | "variant",
  name: Name,
  doc: string,
  c: Context,
): ModelDeclaration {
  const base = memberOf(node, "base");
  const settings = memberOf(node, "settings");
  const set = settings?.kind === "object" ? settings.members.map((m) => settingOf(m, c)) : [];
  return {
    kind: "model",
    name,
    parameters: parametersIn(memberOf(node, "parameters"), c),
    base: base && nameIn(base, c),
    variant: kind === "variant",
    body: [...set, ...bodyIn(memberOf(node, "body"), c)],
    doc,
    span: node.span,
  };
}

const formulaOf = (
  node: JsonNode,
  kind: "mask" | "score",
  name: Name,
  doc: string,
  c: Context,
): FormulaDeclaration => ({
  kind,
  name,
  captures: parametersIn(memberOf(node, "captures"), c),
  arguments: namesIn(memberOf(node, "arguments"), c),
  value: expressionOf(memberOf(node, "value") ?? node, c),
  doc,
  span: node.span,
});
