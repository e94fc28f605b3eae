/**
 * concrete tree → declarations of the Model.
 *
 *     declaration{ model{ Name, parameters, body } }  →  { kind: "model", name, parameters, body, doc, span }
 */
import type { CstNode } from "chevrotain";
import type { Declaration, FormulaDeclaration, ModelDeclaration, Name, Parameter } from "./model.js";
import type { Axes, Context } from "./tree-expressions.js";
import { axesOf, expressionIn, nameOf, nodes, report, spanOf, tokens } from "./tree-expressions.js";
import { bodyOf, lawOf } from "./tree-statements.js";

/** The comment right above a declaration, by the offset where the declaration starts. */
export type DocOf = (start: number) => string;

export function declarationsOf(file: CstNode, c: Context, docOf: DocOf): readonly Declaration[] {
  return nodes(file, "declaration").flatMap((declaration): Declaration[] => {
    const inner = Object.values(declaration.children)
      .flat()
      .find((e): e is CstNode => "children" in e);
    return inner === undefined ? [] : [declarationOf(inner, c, docOf)];
  });
}

function declarationOf(node: CstNode, c: Context, docOf: DocOf): Declaration {
  const span = spanOf(node, c);
  const name = nameOf(tokens(node, "Name")[0], c, node);
  switch (node.name) {
    case "import":
      return { kind: "import", path: tokens(node, "String")[0]?.image ?? "", span };
    case "law":
      return lawOf(node, c);
    case "formula":
      return formulaOf(node, name, docOf(span.start), c);
    case "model":
    case "variant":
      return modelOf(node, name, docOf(span.start), c);
    case "block":
      return {
        kind: "block",
        name,
        parameters: parametersOf(nodes(node, "parameters")[0], c),
        body: bodyOf(nodes(node, "body")[0], c),
        doc: docOf(span.start),
        span,
      };
    default:
      throw new Error(`internal: ${node.name} is no declaration`);
  }
}

function modelOf(node: CstNode, name: Name, doc: string, c: Context): ModelDeclaration {
  const base = tokens(node, "base")[0];
  const isVariant = node.name === "variant";
  return {
    kind: "model",
    name,
    parameters: parametersOf(nodes(node, "parameters")[0], c),
    base: base || isVariant ? nameOf(base, c, node) : undefined,
    variant: isVariant,
    body: bodyOf(nodes(node, "body")[0], c),
    doc,
    span: spanOf(node, c),
  };
}

function formulaOf(node: CstNode, name: Name, doc: string, c: Context): FormulaDeclaration {
  const lists = nodes(node, "parameters").map((list) => parametersOf(list, c));
  const last = lists.at(-1) ?? [];
  for (const p of last) {
    if (p.axes === undefined && p.defaultValue === undefined) continue;
    report(
      c,
      p.span,
      `\`${p.name.text}\` is an index here, so it is a plain name.`,
      "Values and tensors that the formula captures stand in a parenthesis of their own before the indices.",
    );
  }
  const kind = tokens(node, "Mask").length > 0 ? "mask" : "score";
  return {
    kind,
    name,
    captures: lists.length > 1 ? lists[0]! : [],
    arguments: last.map((p) => p.name),
    value: expressionIn(node, c),
    doc,
    span: spanOf(node, c),
  };
}

function parametersOf(node: CstNode | undefined, c: Context): readonly Parameter[] {
  return node === undefined ? [] : nodes(node, "parameter").map((p) => parameterOf(p, c));
}

/** The axes of a parameter take their sizes from what is given for it. */
function namesOnly({ names, bounds }: Axes, c: Context): readonly Name[] {
  for (const bound of bounds ?? [])
    if (bound)
      report(
        c,
        bound.span,
        "An axis of a parameter has no bound.",
        "Its size is that of the argument's axis.",
      );
  return names;
}

export function parameterOf(node: CstNode, c: Context): Parameter {
  const axes = nodes(node, "axes")[0];
  const hasDefault = nodes(node, "expression").length > 0;
  return {
    name: nameOf(tokens(node, "Name")[0], c, node),
    axes: axes && (tokens(axes, "Star").length > 0 ? "any" : namesOnly(axesOf(axes, c), c)),
    defaultValue: hasDefault ? expressionIn(node, c) : undefined,
    span: spanOf(node, c),
  };
}
