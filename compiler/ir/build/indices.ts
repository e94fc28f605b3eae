/**
 * What an index statement must know before it is evaluated: which names are indices, and what each runs over.
 *
 * ```
 * s[h, i, j] = q[h, i, c] * k[h // group, j, c]      h: heads, i: t, j: s, c: head_dim
 * ```
 */
import type { Expression, Name, Span, SubscriptExpression } from "../../parser/model.js";
import type { Size } from "../shape.js";
import { sizeEquals } from "../shape.js";
import { plainLabel } from "./affine.js";
import { digitRanges } from "./digits.js";
import { demandAtMost, sizeOf, sizeWords } from "./lengths.js";
import { evaluate } from "./meaning.js";
import type { Scope } from "./scope.js";
import { lookup, lookupInBlock } from "./scope.js";
import type { Env, IndexContext } from "./session.js";
import { fail, originRelated } from "./session.js";
import { baseOf, checkRank } from "./subscript.js";
import type { AxisLabel, Value } from "./values.js";
import { innerShape } from "./values.js";
import { childrenOf } from "./walk.js";

/** The names that are indices in `target[left…] = value`. */
export function indexContext(env: Env, left: readonly Name[], value: Expression): IndexContext {
  const order: string[] = [];
  const add = (name: string): void => {
    if (!order.includes(name)) order.push(name);
  };
  for (const name of left) {
    if (order.includes(name.text))
      fail(env, "TFM2004", name.span, `The index \`${name.text}\` stands twice on the left.`);
    checkIndexName(env, name);
    add(name.text);
  }
  const look = (x: Expression, inSubscript: boolean): void => {
    if (x.kind === "reduce")
      for (const name of x.indices) {
        checkIndexName(env, name);
        add(name.text);
      }
    if (x.kind === "name" && inSubscript && isFree(env.scope, x.text)) add(x.text);
    if (x.kind === "subscript") {
      look(x.base, false);
      for (const index of x.indices) {
        if (index.kind === "name") checkIndexName(env, index);
        look(index, true);
      }
    } else for (const child of childrenOf(x)) look(child, inSubscript && x.kind !== "call");
  };
  look(value, false);
  return { order, infos: new Map(), bases: new Map(), labels: new Set(order), guarded: new Set() };
}

/** Blocks, models and functions cannot stand in a subscript: their names are free for indices. */
function isFree(scope: Scope, name: string): boolean {
  const kind = lookup(scope, name)?.value.kind;
  return kind === undefined || NEVER_INDEX.has(kind);
}
const NEVER_INDEX: ReadonlySet<Value["kind"]> = new Set<Value["kind"]>([
  "block",
  "formula",
  "model",
  "builtin",
  "instance",
  "initializer",
]);

/** "A name is not both a size and an index in one block." */
function checkIndexName(env: Env, { text, span }: { readonly text: string; readonly span: Span }): void {
  const binding = lookupInBlock(env.scope, text);
  if (binding?.role !== "size") return;
  fail(env, "TFM2004", span, `\`${text}\` is a size in this block and cannot be an index too.`, {
    related: binding.span ? [{ message: `\`${text}\` names a size here`, span: binding.span }] : [],
    hint: "Declarations list sizes, subscripts list indices: give the index a name of its own.",
  });
}

/** What the left side itself says: `y[i < t + 1, c] = …`. */
export function stateRanges(
  env: Env,
  left: readonly Name[],
  bounds: readonly (Expression | undefined)[],
): void {
  bounds.forEach((bound, n) => {
    if (!bound) return;
    const value = evaluate({ ...env, index: undefined }, bound);
    const origin = value.kind === "number" || value.kind === "size" ? value.origin : undefined;
    const { text } = left[n]!;
    env.index!.infos.set(text, {
      size: sizeOf(env, value, bound, true),
      axis: text,
      span: bound.span,
      origin,
      stated: true,
    });
  });
}

/**
 * Learns the ranges of all indices from the axes that they subscript plainly; an index that stands nowhere alone runs over
 * the axis along which it is shifted.
 */
export function inferRanges(env: Env, value: Expression): void {
  visit(env, value, labelOf);
  visitDigits(env, value);
  visit(env, value, shiftedLabel);
}

/** `image[r * 4 + a]`, `grid[n // 7]`: what splits or merges an axis says what its indices run over. */
function visitDigits(env: Env, value: Expression): void {
  for (const child of childrenOf(value)) visitDigits(env, child);
  if (value.kind !== "subscript") return;
  const base = baseOf(env, value);
  if (base.kind !== "tensor") return;
  const inner = innerShape(base);
  value.indices.forEach((index, n) => {
    for (const { label, size } of digitRanges(env, index, inner[n]!.size))
      note(env, label, size, { name: label }, index.span);
  });
}

type LabelOf = (env: Env, index: Expression) => string | undefined;

function visit(env: Env, value: Expression, label: LabelOf): void {
  if (value.kind === "subscript") learn(env, value, label);
  else for (const child of childrenOf(value)) visit(env, child, label);
}

/** `i` in `i - 1`, `n - 1 - i` or `(i + 1) % n`, where nothing else says what i runs over. */
function shiftedLabel(env: Env, index: Expression): string | undefined {
  if (index.kind === "binary" && index.operator === "%") return shiftedLabel(env, index.left);
  if (index.kind !== "binary" || (index.operator !== "+" && index.operator !== "-")) return undefined;
  const label = labelOf(env, index.left) ?? labelOf(env, index.right);
  return label === undefined || env.index!.infos.has(label) ? undefined : label;
}

function learn(env: Env, expression: SubscriptExpression, labelOfIndex: LabelOf): void {
  const base = baseOf(env, expression);
  for (const index of expression.indices) visit(env, index, labelOfIndex);
  if (base.kind !== "tensor") return;
  checkRank(env, base, expression);
  const inner = base.batched ? base.node.shape.slice(1) : base.node.shape;
  expression.indices.forEach((index, n) => {
    const label = labelOfIndex(env, index);
    if (label !== undefined) note(env, label, inner[n]!.size, base.axes[n]!, index.span);
  });
}

const labelOf = (env: Env, index: Expression): string | undefined =>
  index.kind === "name" ? labelOfName(env, index.text) : undefined;

/** The axis label that a name is as an index: its own, or what a formula was given or sums over under that name. */
export function labelOfName(env: Env, text: string): string | undefined {
  if (env.index!.labels.has(text)) return text;
  const value = lookup(env.scope, text)?.value;
  return value?.kind === "index" ? plainLabel(value.affine) : undefined;
}

function note(env: Env, label: string, size: Size, axis: AxisLabel, span: Span): void {
  const { infos } = env.index!;
  const info = { size, axis: axis.name, span, origin: axis.origin };
  const known = infos.get(label);
  if (known?.stated) return;
  if (!known) infos.set(label, info);
  else if (sizeEquals(known.size, size)) return;
  else if (typeof size !== "number" && typeof known.size === "number") {
    if (!demandAtMost(env, size, known.size)) disagree(env, label, info, known);
    infos.set(label, info);
  } else if (
    typeof known.size === "number" ||
    typeof size !== "number" ||
    !demandAtMost(env, known.size, size)
  )
    disagree(env, label, info, known);
}

type Info = IndexContext["infos"] extends Map<string, infer V> ? V : never;

function disagree(env: Env, label: string, here: Info, there: Info): never {
  return fail(
    env,
    "TFM3002",
    here.span,
    `The index \`${label}\` runs over ${sizeWords(env, here.size, here.axis)} here and over ${sizeWords(env, there.size, there.axis)} elsewhere.`,
    {
      related: [
        {
          message: `\`${label}\` runs over ${sizeWords(env, there.size, there.axis)} here`,
          span: there.span,
        },
        ...(originRelated(here.origin, `\`${here.origin?.text}\` was set here`) ?? []),
        ...(originRelated(there.origin, `\`${there.origin?.text}\` was set here`) ?? []),
      ],
      hint: "All axes under one index have one size.",
    },
  );
}
