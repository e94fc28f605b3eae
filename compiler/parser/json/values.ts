/**
 * JSON values → expressions and names of the Model; what does not fit was reported by the schema and leaves a hole.
 *
 *     12 → number     null → the name `none`     ["a", 2] → list     "4 * d" → what the language reads there
 */
import { diagnostic } from "../../diagnostics.js";
import type { AssignStatement, Expression, Name, Parameter } from "../model.js";
import type { Part } from "../read-part.js";
import { readPart } from "../read-part.js";
import { reserved } from "../tokens.js";
import { parameterOf } from "../tree.js";
import type { Context } from "../tree-expressions.js";
import { axesOf, expression, nameOf, nodes, report, spanOf, tokens } from "../tree-expressions.js";
import { sizesOf } from "../tree-statements.js";
import type { JsonNode, JsonString } from "./node.js";
import { itemsOf } from "./node.js";

const hole = (at: JsonNode): Expression => ({ kind: "name", text: "", span: at.span });

export function expressionOf(node: JsonNode, c: Context): Expression {
  const { span } = node;
  switch (node.kind) {
    case "number":
      return numberOf(node, c);
    case "boolean":
      return { kind: "boolean", value: node.value, span };
    case "null":
      return { kind: "name", text: "none", span };
    case "array":
      return { kind: "list", items: node.items.map((item) => expressionOf(item, c)), span };
    case "string":
      return isName(node.value) ? { kind: "name", text: node.value, span } : parsed(node, c);
    case "object":
    case "broken":
      return hole(node);
    default:
      return node satisfies never;
  }
}

function numberOf(node: JsonNode & { readonly kind: "number" }, c: Context): Expression {
  const { text, value, span } = node;
  if (!text.startsWith("-")) return { kind: "number", value, text, span };
  const inner = { file: c.file, start: span.start + 1, end: span.end };
  const operand: Expression = { kind: "number", value: -value, text: text.slice(1), span: inner };
  return { kind: "unary", operator: "-", operand, span };
}

function parsed(string: JsonString, c: Context): Expression {
  const tree = readPart("expression", string, c);
  return tree ? expression(tree, c) : hole(string);
}

// ------------------------------------------------------------------ names

const nameShape = /^[\p{XID_Start}_]\p{XID_Continue}*$/u;

/** Most strings are one name, which needs no parser. */
const isName = (text: string): boolean => /^[A-Za-z_]\w*$/.test(text) && !reserved.has(text);

export function nameIn(node: JsonNode | undefined, c: Context): Name {
  if (node?.kind !== "string") return { text: "", span: node?.span ?? { file: c.file, start: 0, end: 0 } };
  if (!nameShape.test(node.value) || reserved.has(node.value)) {
    const message = reserved.has(node.value)
      ? `\`${node.value}\` is a reserved word, not a name.`
      : "This is not a name.";
    c.diagnostics.push(diagnostic("TFM1109", node.span, message));
  }
  return { text: node.value.normalize("NFC"), span: node.span };
}

export const namesIn = (node: JsonNode | undefined, c: Context): readonly Name[] =>
  itemsOf(node).map((item) => nameIn(item, c));

// ---------------------------------------------------- pieces of statements

const part = (which: Part, node: JsonNode | undefined, c: Context) =>
  node?.kind === "string" ? readPart(which, node, c) : undefined;

/** `wq[d, heads, c]`: a name and its sizes, undefined where it has no brackets. */
export function entryOf(node: JsonNode | undefined, c: Context) {
  const tree = part("entry", node, c);
  if (node === undefined || tree === undefined) return { name: nameless(node, c), sizes: undefined };
  return { name: nameOf(tokens(tree, "Name")[0], c, tree), sizes: sizesOf(tree, c) };
}

const nameless = (node: JsonNode | undefined, c: Context): Name => ({
  text: "",
  span: node?.span ?? { file: c.file, start: 0, end: 0 },
});

/** `y[i, c]` on the left of an assignment. */
export function targetOf(
  node: JsonNode | undefined,
  c: Context,
): Pick<AssignStatement, "target" | "indices" | "bounds"> {
  const tree = part("parameter", node, c);
  if (!tree) return { target: nameless(node, c), indices: undefined };
  const axes = nodes(tree, "axes")[0];
  if (axes && tokens(axes, "Star").length > 0)
    report(c, spanOf(tree, c), "`*` is not an index.", "Indices are names.");
  const value = nodes(tree, "expression")[0];
  if (value) report(c, spanOf(value, c), 'The value stands behind the key `"value"`.');
  const left = axes && axesOf(axes, c);
  return {
    target: nameOf(tokens(tree, "Name")[0], c, tree),
    indices: left?.names,
    ...(left?.bounds ? { bounds: left.bounds } : {}),
  };
}

/** `x[t, d]`, `hidden = 4 * d`. */
function parameterIn(node: JsonNode | undefined, c: Context): Parameter | undefined {
  const tree = part("parameter", node, c);
  return tree && parameterOf(tree, c);
}

/** A list of strings, or an object from names to default values. */
export function parametersIn(node: JsonNode | undefined, c: Context): readonly Parameter[] {
  if (node?.kind !== "object")
    return itemsOf(node).flatMap((item) => {
      const parameter = parameterIn(item, c);
      return parameter ? [parameter] : [];
    });
  return node.members.map(({ key, value }) => ({
    name: nameIn(key, c),
    axes: undefined,
    defaultValue: expressionOf(value, c),
    span: { file: c.file, start: key.span.start, end: value.span.end },
  }));
}

/** A line, or a list of lines. */
export function docIn(node: JsonNode | undefined): string {
  const lines = node?.kind === "array" ? node.items : node ? [node] : [];
  const texts = lines.map((line) => (line.kind === "string" ? line.value : ""));
  return texts
    .join("\n")
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
