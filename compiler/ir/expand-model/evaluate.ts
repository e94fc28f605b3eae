/**
 * Expression → Known: what is known of it here, and how it is written where names have become what they stand for.
 *
 * ```
 * norm(x)                                 layer_norm(x, eps: 1e-5)
 * if norm_at == deepnorm then 2 else 1    1
 * ```
 */
import type {
  ConditionalExpression,
  Expression,
  MemberExpression,
  NameExpression,
  ReduceExpression,
  SubscriptExpression,
} from "../../parser/model.js";
import type { Scope } from "../build/scope.js";
import { lookupFunction, lookupValue } from "../build/scope.js";
import type { Value } from "../build/values.js";
import { number } from "../build/values.js";
import type { Place } from "./engine.js";
import { createBody, placeIn } from "./engine.js";
import { foldBinary, foldUnary, isAbsent, truth } from "./fold.js";
import type { FunctionKnown, Known } from "./known.js";
import { constant, nameText, open, parametersOf, textOf } from "./known.js";

export function know(p: Place, x: Expression): Known {
  switch (x.kind) {
    case "number":
      return constant(number(x.value), x);
    case "string":
      return constant({ kind: "string", value: x.value }, x);
    case "boolean":
      return truth(x.value);
    case "name":
      return knowName(p, x);
    case "list":
      return { kind: "list", items: x.items.map((item) => know(p, item)) };
    case "call":
      return p.engine.call(p, x);
    case "subscript":
      return knowSubscript(p, x);
    case "member":
      return knowMember(p, x);
    case "unary":
      return foldUnary(p.engine, x, know(p, x.operand));
    case "binary":
      return foldBinary(p.engine, x, know(p, x.left), know(p, x.right));
    case "conditional":
      return knowConditional(p, x);
    case "where": {
      const [value, condition] = [know(p, x.value), know(p, x.condition)];
      if (condition.kind === "constant" && isTrue(condition.value)) return value;
      return open({ ...x, value: textOf(value), condition: textOf(condition) }, true);
    }
    case "reduce":
      return knowReduce(p, x);
    default:
      throw new Error(`internal: ${(x satisfies never as Expression).kind} is no expression`);
  }
}

const isTrue = (value: Value): boolean => value.kind === "full" || (value.kind === "boolean" && value.value);

function knowName({ engine, frame, labels, inSubscript }: Place, x: NameExpression): Known {
  // As the builder has it: among arguments an index counts as a tensor.
  if (labels.has(x.text)) return open(x, !inSubscript);
  const own = frame.names.get(x.text);
  if (own) return own;
  const declared = lookupValue(frame.scope, x.text)?.value;
  const known = declared && globalKnown(declared, x);
  if (known && !(inSubscript && known.kind === "function")) return known;
  const isFree = !declared || declared.kind === "model";
  if (isFree && !inSubscript && engine.choices.has(x.text))
    return constant({ kind: "choice", name: x.text }, x);
  return open(x, false);
}

/** What a file or the library declares. */
function globalKnown(value: Value, x: Expression): Known | undefined {
  switch (value.kind) {
    case "block":
      return {
        kind: "function",
        declaration: value.declaration,
        scope: value.scope,
        held: new Map(),
        as: undefined,
      };
    case "formula":
      return {
        kind: "function",
        declaration: value.declaration,
        scope: value.scope,
        held: new Map(),
        as: undefined,
      };
    case "builtin":
    case "initializer":
    case "none":
    case "full":
      return constant(value, x);
    default:
      return undefined;
  }
}

/** What stands before `(`: the innermost function of the name. */
export function knowCallee(p: Place, x: Expression): Known {
  if (x.kind !== "name" || p.labels.has(x.text)) return know(p, x);
  const own = p.frame.names.get(x.text);
  if (own && (isFunction(own) || !globalFunction(p.frame.scope, x.text))) return own;
  return know({ ...p, frame: { ...p.frame, names: new Map() }, inSubscript: false }, x);
}

const globalFunction = (scope: Scope, name: string): Value | undefined => lookupFunction(scope, name);

function isFunction(known: Known): boolean {
  if (known.kind !== "constant")
    return known.kind === "function" || known.kind === "instance" || (known.kind === "open" && !known.tensor);
  const { kind } = known.value;
  return kind === "builtin" || kind === "initializer" || kind === "none" || kind === "full";
}

function knowConditional(p: Place, x: ConditionalExpression): Known {
  const condition = know(p, x.condition);
  if (condition.kind === "constant" && condition.value.kind === "boolean")
    return know(p, condition.value.value ? x.then : x.otherwise);
  const [then, otherwise] = [know(p, x.then), know(p, x.otherwise)];
  const text = { ...x, condition: textOf(condition), then: textOf(then), otherwise: textOf(otherwise) };
  return open(
    text,
    [condition, then, otherwise].some((k) => k.kind === "open" && k.tensor),
  );
}

function knowSubscript(p: Place, x: SubscriptExpression): Known {
  const base = know({ ...p, inSubscript: false }, x.base);
  if (isAbsent(base)) return base;
  if (base.kind === "list") {
    const at = x.indices[0] && know(p, x.indices[0]);
    const item =
      at?.kind === "constant" && at.value.kind === "number" ? base.items[at.value.value] : undefined;
    if (item) return item;
  }
  const indices = x.indices.map((index) => textOf(know({ ...p, inSubscript: true }, index)));
  return open({ ...x, base: textOf(base), indices }, true);
}

function knowReduce(p: Place, x: ReduceExpression): Known {
  const labels = new Set([...p.labels, ...x.indices.map(({ text }) => text)]);
  return open({ ...x, body: textOf(know({ ...p, labels }, x.body)) }, true);
}

/** `norm.eps` of a function value; `wte.table` of an instance. */
function knowMember(p: Place, x: MemberExpression): Known {
  const base = know(p, x.base);
  if (base.kind === "function") return heldOrDefault(p, base, x.member.text) ?? open(x, false);
  return open({ ...x, base: textOf(base) }, true);
}

export function heldOrDefault(p: Place, f: FunctionKnown, name: string): Known | undefined {
  const frame = createBody(p.engine, f.scope, { library: true });
  for (const parameter of parametersOf(f.declaration)) {
    const { text } = parameter.name;
    const known =
      f.held.get(text)?.known ??
      (parameter.axes === undefined && parameter.defaultValue
        ? know(placeIn(p.engine, frame), parameter.defaultValue)
        : undefined);
    if (text === name) return known;
    frame.names.set(text, known ?? open(nameText(text), parameter.axes !== undefined));
  }
  return undefined;
}
