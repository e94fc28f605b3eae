/**
 * JSON statement → Statement of the Model.
 *
 *     { "repeat": "layers", "as": "l", "body": [{ "assign": "x", "value": "f(x)" }] }  →  { kind: "repeat", count, index, … }
 */
import type {
  CallExpression,
  Expression,
  InputStatement,
  LawDeclaration,
  MatchStatement,
  ParamStatement,
  RenameStatement,
  Statement,
  TrainStatement,
  UseStatement,
} from "../model.js";
import type { Context } from "../tree-expressions.js";
import { report } from "../tree-expressions.js";
import type { JsonNode } from "./node.js";
import { itemsOf, memberOf } from "./node.js";
import { statementKinds } from "./schema.js";
import { entryOf, expressionOf, nameIn, namesIn, targetOf } from "./values.js";

export const bodyIn = (node: JsonNode | undefined, c: Context): readonly Statement[] =>
  itemsOf(node).flatMap((item) => statementOf(item, c));

const flagIn = (node: JsonNode | undefined): boolean | undefined =>
  node?.kind === "boolean" ? node.value : undefined;

const listIn = (node: JsonNode | undefined): readonly JsonNode[] =>
  node?.kind === "array" ? node.items : node ? [node] : [];

/** None where no key names a kind, which the schema has reported. */
function statementOf(node: JsonNode, c: Context): readonly Statement[] {
  const kind = statementKinds.find((key) => memberOf(node, key));
  if (kind === undefined) return [];
  const { span } = node;
  const at = (key: string): JsonNode | undefined => memberOf(node, key);
  const value = (key = "value"): Expression => expressionOf(at(key) ?? node, c);
  switch (kind) {
    case "param":
      return [paramOf(node, c)];
    case "state":
      return [{ kind, ...entryOf(at("state"), c), value: value(), span }];
    case "table": {
      const { name, sizes } = entryOf(at("table"), c);
      return [{ kind, name, sizes: sizes ?? [], indices: namesIn(at("indices"), c), value: value(), span }];
    }
    case "input":
      return [inputOf(node, c)];
    case "rename":
      return [renameOf(node, c)];
    case "assign": {
      const operator = at("operator");
      const sign = operator?.kind === "string" && /^[+*]$/.test(operator.value) ? operator.value : undefined;
      return [
        { kind, ...targetOf(at("assign"), c), operator: sign as "+" | "*" | undefined, value: value(), span },
      ];
    }
    case "use":
      return [useOf(node, c)];
    case "repeat": {
      const as = at("as");
      const index = as && nameIn(as, c);
      const shared = flagIn(at("shared")) ?? false;
      return [{ kind, count: value("repeat"), index, shared, body: bodyIn(at("body"), c), span }];
    }
    case "if":
      return [
        { kind, condition: value("if"), then: bodyIn(at("then"), c), otherwise: bodyIn(at("else"), c), span },
      ];
    case "match":
      return [matchOf(node, c)];
    case "output":
    case "probe":
      return [{ kind, name: nameIn(at(kind), c), value: value(), span }];
    case "loss":
      return [{ kind, value: value("loss"), span }];
    case "train":
      return [trainOf(at("train"), c, node)];
    case "return":
      return [{ kind, values: listIn(at("return")).map((v) => expressionOf(v, c)), span }];
    case "law":
      return [lawOf(node, c)];
    default:
      return kind satisfies never;
  }
}

function paramOf(node: JsonNode, c: Context): ParamStatement {
  const init = memberOf(node, "init");
  const condition = memberOf(node, "condition");
  return {
    kind: "param",
    entries: listIn(memberOf(node, "param")).map((entry) => {
      const { name, sizes } = entryOf(entry, c);
      return { name, sizes: sizes ?? [], span: entry.span };
    }),
    init: init && expressionOf(init, c),
    condition: condition && expressionOf(condition, c),
    frozen: flagIn(memberOf(node, "frozen")) ?? false,
    decay: flagIn(memberOf(node, "decay")),
    span: node.span,
  };
}

/** `int(vocab)`, `int`, `real` or `bool`. */
function inputOf(node: JsonNode, c: Context): InputStatement {
  const { name, sizes } = entryOf(memberOf(node, "input"), c);
  const written = memberOf(node, "type");
  const mistakes = c.diagnostics.length;
  const type = expressionOf(written ?? node, c);
  const { element, bound } = elementOf(type);
  if (written?.kind === "string" && element === undefined && c.diagnostics.length === mistakes)
    report(c, written.span, "This is no type of an input.", 'An input is "int(bound)", "real" or "bool".');
  return { kind: "input", name, axes: sizes ?? [], element: element ?? "real", bound, span: node.span };
}

/** "tokens" or "valid(tokens)". */
function renameOf(node: JsonNode, c: Context): RenameStatement {
  const written = memberOf(node, "rename") ?? node;
  const mistakes = c.diagnostics.length;
  const read = expressionOf(written, c);
  const { span } = read;
  const found = renamedIn(read);
  if (written.kind === "string" && !found && c.diagnostics.length === mistakes)
    report(
      c,
      span,
      "This is no input.",
      'An input is "tokens", one that is derived from it "valid(tokens)".',
    );
  const none = { input: { text: "", span }, derived: undefined };
  return {
    kind: "rename",
    ...(found ?? none),
    name: nameIn(memberOf(node, "as") ?? node, c),
    span: node.span,
  };
}

function renamedIn(x: Expression): Pick<RenameStatement, "input" | "derived"> | undefined {
  if (x.kind === "name") return { input: { text: x.text, span: x.span }, derived: undefined };
  if (x.kind !== "call" || x.callee.kind !== "name" || x.as || x.arguments.length !== 1) return undefined;
  const [{ name, value } = { name: undefined, value: x }] = x.arguments;
  return !name && value.kind === "name"
    ? { input: { text: value.text, span: value.span }, derived: { text: x.callee.text, span: x.callee.span } }
    : undefined;
}

function elementOf(type: Expression): {
  readonly element: InputStatement["element"] | undefined;
  readonly bound: Expression | undefined;
} {
  if (type.kind === "name" && /^(int|real|bool)$/.test(type.text))
    return { element: type.text as InputStatement["element"], bound: undefined };
  const isInt = type.kind === "call" && type.callee.kind === "name" && type.callee.text === "int";
  if (!isInt || type.as || type.arguments.length !== 1 || type.arguments[0]!.name)
    return { element: undefined, bound: undefined };
  return { element: "int", bound: type.arguments[0]!.value };
}

function useOf(node: JsonNode, c: Context): UseStatement {
  const written = memberOf(node, "value") ?? node;
  const mistakes = c.diagnostics.length;
  const value = expressionOf(written, c);
  if (written.kind === "string" && value.kind !== "call" && c.diagnostics.length === mistakes) {
    report(
      c,
      value.span,
      "`use` makes an instance, so a call of a block stands here.",
      'For example "embedding(vocab, d)".',
    );
  }
  const call: CallExpression =
    value.kind === "call"
      ? value
      : { kind: "call", callee: value, arguments: [], as: undefined, span: value.span };
  return { kind: "use", name: nameIn(memberOf(node, "use"), c), value: call, span: node.span };
}

function matchOf(node: JsonNode, c: Context): MatchStatement {
  const cases = itemsOf(memberOf(node, "cases")).map((k) => {
    const patterns = memberOf(k, "case");
    const body = memberOf(k, "else") ?? memberOf(k, "body");
    return {
      patterns: patterns && listIn(patterns).map((p) => expressionOf(p, c)),
      body: bodyIn(body, c),
      span: k.span,
    };
  });
  return { kind: "match", value: expressionOf(memberOf(node, "match") ?? node, c), cases, span: node.span };
}

/** An object, or a list of `{ "set": …, "value": … }`. */
export function trainOf(settings: JsonNode | undefined, c: Context, at: JsonNode): TrainStatement {
  const written =
    settings?.kind === "object"
      ? settings.members.map(({ key, value }) => ({ name: nameIn(key, c), value: expressionOf(value, c) }))
      : itemsOf(settings).map((item) => ({
          name: nameIn(memberOf(item, "set"), c),
          value: expressionOf(memberOf(item, "value") ?? item, c),
        }));
  return {
    kind: "train",
    settings: written.map((s) => ({ ...s, span: { ...s.name.span, end: s.value.span.end } })),
    span: at.span,
  };
}

export const lawOf = (node: JsonNode, c: Context): LawDeclaration => ({
  kind: "law",
  name: nameIn(memberOf(node, "law"), c),
  claim: expressionOf(memberOf(node, "claim") ?? node, c),
  span: node.span,
});
