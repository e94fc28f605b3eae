/**
 * concrete tree → statements of the Model.
 *
 *     line{ statement{ assign{ Name, Equals, expression } } }  →  { kind: "assign", target, value, … }
 */
import type { CstNode } from "chevrotain";
import type {
  AssignStatement,
  CallExpression,
  Expression,
  IfStatement,
  InputStatement,
  LawDeclaration,
  MatchStatement,
  Name,
  ParamStatement,
  RenameStatement,
  RepeatStatement,
  Statement,
  TableStatement,
  UseStatement,
} from "./model.js";
import type { Context } from "./tree-expressions.js";
import {
  axesOf,
  expression,
  expressionIn,
  expressionsIn,
  join,
  nameOf,
  namesOf,
  nodes,
  report,
  spanOf,
  tokens,
} from "./tree-expressions.js";

export function bodyOf(body: CstNode | undefined, c: Context): readonly Statement[] {
  if (body === undefined) return [];
  return nodes(body, "line").flatMap((line): Statement[] => {
    const statement = nodes(line, "statement")[0];
    const inner =
      statement &&
      Object.values(statement.children)
        .flat()
        .find((e): e is CstNode => "children" in e);
    return inner === undefined ? [] : [statementOf(inner, c)];
  });
}

function statementOf(node: CstNode, c: Context): Statement {
  const span = spanOf(node, c);
  const name = () => nameOf(tokens(node, "Name")[0], c, node);
  const value = () => expressionIn(node, c);
  switch (node.name) {
    case "param":
      return paramOf(node, c);
    case "state":
      return { kind: "state", name: name(), sizes: sizesOf(node, c), value: value(), span };
    case "table":
      return tableOf(node, c);
    case "inputs":
      return tokens(node, "As").length > 0 ? renameOf(node, c) : inputOf(node, c);
    case "assign":
      return assignOf(node, c);
    case "use":
      return useOf(node, c);
    case "repeat":
      return repeatOf(node, c);
    case "if":
      return ifOf(node, c);
    case "match":
      return matchOf(node, c);
    case "output":
    case "probe":
      return { kind: node.name, name: name(), value: value(), span };
    case "loss":
      return { kind: "loss", value: value(), span };
    case "train":
      return { kind: "train", settings: nodes(node, "setting").map((s) => settingOf(s, c)), span };
    case "return":
      return { kind: "return", values: expressionsIn(node, c), span };
    case "law":
      return lawOf(node, c);
    default:
      throw new Error(`internal: ${node.name} is no statement`);
  }
}

/** The bracketed sizes of a declared name; undefined where no brackets stand. */
export function sizesOf(node: CstNode, c: Context): readonly Expression[] | undefined {
  const subscript = nodes(node, "subscript")[0];
  return subscript && expressionsIn(subscript, c);
}

function paramOf(node: CstNode, c: Context): ParamStatement {
  const decay = tokens(node, "Decay").length > 0;
  const nodecay = tokens(node, "NoDecay").length > 0;
  if (decay && nodecay) report(c, spanOf(node, c), "A parameter is `decay` or `nodecay`, not both.");
  return {
    kind: "param",
    entries: nodes(node, "entry").map((e) => ({
      name: nameOf(tokens(e, "Name")[0], c, e),
      sizes: sizesOf(e, c) ?? [],
      span: spanOf(e, c),
    })),
    init: nodes(node, "init").map((e) => expression(e, c))[0],
    condition: nodes(node, "condition").map((e) => expression(e, c))[0],
    frozen: tokens(node, "Frozen").length > 0,
    decay: nodecay ? false : decay ? true : undefined,
    span: spanOf(node, c),
  };
}

function tableOf(node: CstNode, c: Context): TableStatement {
  const name = nameOf(tokens(node, "Name")[0], c, node);
  const indices = namesOf(tokens(node, "index"), c, node);
  return {
    kind: "table",
    name,
    sizes: sizesOf(node, c) ?? [],
    indices,
    value: expressionIn(node, c),
    span: spanOf(node, c),
  };
}

function inputOf(node: CstNode, c: Context): InputStatement {
  const written = tokens(node, "element")[0];
  const bound = nodes(node, "expression").map((e) => expression(e, c))[0];
  const element = written?.image === "real" || written?.image === "bool" ? written.image : "int";
  const at = written ? spanOf(written, c) : spanOf(node, c);
  if (written && written.image !== element)
    report(c, at, `\`${written.image}\` is no element type.`, "An input is `int(bound)`, `real` or `bool`.");
  else if (written && element !== "int" && bound)
    report(c, bound.span, `\`${element}\` has no bound.`, "Only `int(bound)` has one.");
  return {
    kind: "input",
    name: nameOf(tokens(node, "Name")[0], c, node),
    axes: sizesOf(node, c) ?? [],
    element,
    bound,
    span: spanOf(node, c),
  };
}

/** `input valid(tokens) as attention_mask` */
function renameOf(node: CstNode, c: Context): RenameStatement {
  const first = nameOf(tokens(node, "Name")[0], c, node);
  const [source] = tokens(node, "source");
  return {
    kind: "rename",
    input: source ? nameOf(source, c, node) : first,
    derived: source ? first : undefined,
    name: nameOf(tokens(node, "outside")[0], c, node),
    span: spanOf(node, c),
  };
}

function assignOf(node: CstNode, c: Context): AssignStatement {
  const axes = nodes(node, "axes")[0];
  const star = axes && tokens(axes, "Star")[0];
  if (star) report(c, spanOf(star, c), "`*` is not an index.", "On the left stand the names of the indices.");
  const operator =
    tokens(node, "PlusEquals").length > 0 ? "+" : tokens(node, "TimesEquals").length > 0 ? "*" : undefined;
  const left = axes && axesOf(axes, c);
  return {
    kind: "assign",
    target: nameOf(tokens(node, "Name")[0], c, node),
    indices: left?.names,
    ...(left?.bounds ? { bounds: left.bounds } : {}),
    operator,
    value: expressionIn(node, c),
    span: spanOf(node, c),
  };
}

function useOf(node: CstNode, c: Context): UseStatement {
  const value = expressionIn(node, c);
  if (value.kind !== "call" && value.span.end > 0 && nodes(node, "expression").length > 0) {
    report(
      c,
      value.span,
      "`use` makes an instance, so a call of a block stands here.",
      "For example `use wte = embedding(vocab, d)`.",
    );
  }
  const call: CallExpression =
    value.kind === "call"
      ? value
      : { kind: "call", callee: value, arguments: [], as: undefined, span: value.span };
  return { kind: "use", name: nameOf(tokens(node, "Name")[0], c, node), value: call, span: spanOf(node, c) };
}

function repeatOf(node: CstNode, c: Context): RepeatStatement {
  const written = tokens(node, "Name")[0];
  const count = expressionIn(node, c);
  const { rest, as } = written ? { rest: count, as: undefined } : takeAs(count);
  return {
    kind: "repeat",
    count: rest,
    index: written ? nameOf(written, c, node) : as,
    shared: tokens(node, "Shared").length > 0,
    body: bodyOf(nodes(node, "body")[0], c),
    span: spanOf(node, c),
  };
}

/** In `repeat f(n) as l {` the name belongs to the loop, though `as` was read as part of the call. */
function takeAs(e: Expression): { readonly rest: Expression; readonly as: Name | undefined } {
  if (e.kind === "call") return { rest: { ...e, as: undefined }, as: e.as };
  if (e.kind !== "binary") return { rest: e, as: undefined };
  const { rest, as } = takeAs(e.right);
  return { rest: { ...e, right: rest }, as };
}

function ifOf(node: CstNode, c: Context): IfStatement {
  const conditions = nodes(node, "expression");
  const bodies = nodes(node, "body");
  const span = spanOf(node, c);
  let otherwise = bodyOf(nodes(node, "otherwise")[0], c);
  for (let i = conditions.length - 1; i > 0; i--) {
    const start = spanOf(conditions[i]!, c).start;
    otherwise = [
      {
        kind: "if",
        condition: expression(conditions[i]!, c),
        then: bodyOf(bodies[i], c),
        otherwise,
        span: { ...span, start },
      },
    ];
  }
  return { kind: "if", condition: expressionIn(node, c), then: bodyOf(bodies[0], c), otherwise, span };
}

function matchOf(node: CstNode, c: Context): MatchStatement {
  const cases = nodes(node, "case").map((k) => ({
    patterns: tokens(k, "Else").length > 0 ? undefined : expressionsIn(k, c),
    body: bodyOf(nodes(k, "body")[0], c),
    span: join(spanOf(k, c), spanOf(nodes(k, "body")[0] ?? k, c)),
  }));
  return { kind: "match", value: expressionIn(node, c), cases, span: spanOf(node, c) };
}

/** Without the separator, which may stand behind a comment. */
function settingOf(node: CstNode, c: Context) {
  const name = nameOf(tokens(node, "Name")[0], c, node);
  const value = expressionIn(node, c);
  return { name, value, span: join(name.span, value.span) };
}

export function lawOf(node: CstNode, c: Context): LawDeclaration {
  const name = nameOf(tokens(node, "Name")[0], c, node);
  return { kind: "law", name, claim: expressionIn(node, c), span: spanOf(node, c) };
}
