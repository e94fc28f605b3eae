/**
 * A family's rows, the tensors of a checkpoint and the parameters of the model → which goes where; each of both sides once.
 *
 * ```
 * h.0.attn.c_attn.weight [32, 96]   →   { sources: […], targets: [layers.0.attention.wq, .wk, .wv], split along the first axis }
 * ```
 */
import type { Weight } from "./family.js";
import type { AxisSizes, Layout } from "./layout.js";
import { parseLayout, solve } from "./layout.js";
import type { Bindings } from "./patterns.js";
import { fill, matcher } from "./patterns.js";

/** Name → shape. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** Some tensors become some parameters: of several each is one step of the first axis of its side. */
export interface Move {
  readonly sources: readonly string[];
  readonly targets: readonly string[];
  readonly layout: { readonly axes: Layout; readonly sizes: AxisSizes } | undefined;
  /** Where the tensor is cut before: elements [from, to) of an axis of `size`, with so many elements in a step of it. */
  readonly part: Part | undefined;
}

export interface Part {
  readonly from: number;
  readonly to: number;
  readonly size: number;
  readonly inner: number;
}

export interface WeightPlan {
  readonly moves: readonly Move[];
  /** Tensor → the one whose values it repeats. */
  readonly likes: ReadonlyMap<string, string>;
  /** Tensor → what it is. */
  readonly ignored: ReadonlyMap<string, string>;
  /** Tensor → what it is; its values are kept aside. */
  readonly kept: ReadonlyMap<string, string>;
  /** Tensors that no row knows. */
  readonly unused: readonly string[];
  /** Tensors that parameters are made of and that are not there. */
  readonly missing: readonly string[];
  /** Sentences on shapes that do not fit each other. */
  readonly misfits: readonly string[];
}

/** One row as it stands for some numbers in its places. */
interface Step {
  readonly sources: readonly string[];
  readonly targets: readonly string[];
  readonly layout: string | undefined;
  readonly cut: Cut | undefined;
}

/** Elements [from, to) of an axis of `whole`. */
interface Cut {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
  readonly whole: number;
}

/** `prefix` as in Family: left out of the rows where the file has no name that begins with it. */
export function planWeights(
  rows: readonly Weight[],
  tensors: Shapes,
  parameters: Shapes,
  prefix = "",
): WeightPlan {
  const names = [...tensors.keys()];
  const bare = prefix !== "" && !names.some((name) => name.startsWith(prefix));
  const nameOf = (pattern: string): string => (bare ? withoutPrefix(pattern, prefix) : pattern);
  const asked = stepsFor(rows, parameters, nameOf);
  const wanted = new Set(asked.flatMap(({ sources }) => sources));
  const [repeats, ignored, kept] = asides(
    rows,
    names.filter((name) => !wanted.has(name)),
    nameOf,
  );
  const [likes, standIns] = repeated(repeats, tensors);
  const steps = asked.map((step) => ({
    ...step,
    sources: step.sources.map((name) => standIns.get(name) ?? name),
  }));
  const used = new Set(steps.flatMap(({ sources }) => sources));
  const isThere = ({ sources }: Step): boolean => sources.every((name) => tensors.has(name));
  const placed = steps.filter(isThere).map((step) => fitted(step, tensors, parameters));
  const missing = steps.flatMap(({ sources }) => sources).filter((name) => !tensors.has(name));
  return {
    moves: placed.filter((move) => typeof move !== "string"),
    misfits: placed.filter((move) => typeof move === "string"),
    likes,
    ignored,
    kept,
    unused: names.filter((name) => ![used, likes, ignored, kept].some((known) => known.has(name))),
    missing: [...new Set(missing)],
  };
}

/** Of tensors that are one the file may hold either: the repeated ones, and those that stand for what they would repeat. */
function repeated(
  repeats: ReadonlyMap<string, string>,
  tensors: Shapes,
): readonly [ReadonlyMap<string, string>, ReadonlyMap<string, string>] {
  const pairs = [...repeats];
  const alone = pairs.filter(([, like]) => !tensors.has(like));
  const standIns = new Map(alone.map(([name, like]) => [like, name] as const));
  const named = pairs.map(([name, like]) => [name, standIns.get(like) ?? like] as const);
  return [new Map(named.filter(([name, like]) => name !== like)), standIns];
}

const withoutPrefix = (pattern: string, prefix: string): string =>
  pattern.startsWith(prefix) ? pattern.slice(prefix.length) : pattern;

/** For each parameter the step that makes it, each step once. */
function stepsFor(
  rows: readonly Weight[],
  parameters: Shapes,
  nameOf: (pattern: string) => string,
): readonly Step[] {
  const sources = rows.flatMap((row) => patternsOf(row));
  const makers = sources.flatMap((pattern) =>
    pattern.targets.map((target) => ({ pattern, match: matcher(target) })),
  );
  const steps = new Map<string, Step>();
  for (const parameter of parameters.keys()) {
    const found = makers.flatMap(({ pattern, match }) => {
      const bindings = match(parameter);
      return bindings ? [{ pattern, bindings }] : [];
    });
    const [one, ...more] = found;
    if (!one || more.length > 0)
      throw new Error(`internal: ${found.length} rows make the parameter \`${parameter}\``);
    const key = `${sources.indexOf(one.pattern)} ${JSON.stringify(one.bindings)}`;
    if (!steps.has(key)) steps.set(key, filled(one.pattern, one.bindings, nameOf));
  }
  return [...steps.values()];
}

const filled = (step: Step, bindings: Bindings, nameOf: (pattern: string) => string): Step => ({
  ...step,
  sources: step.sources.map((pattern) => fill(nameOf(pattern), bindings)),
  targets: step.targets.map((pattern) => fill(pattern, bindings)),
});

function patternsOf(row: Weight): readonly Step[] {
  if ("like" in row || "ignored" in row || "kept" in row) return [];
  if ("join" in row) return [{ sources: row.join, targets: [row.to], layout: row.layout, cut: undefined }];
  if ("split" in row)
    return [{ sources: [row.from], targets: row.split, layout: row.layout, cut: undefined }];
  if (!("parts" in row))
    return [{ sources: [row.from], targets: [row.to], layout: row.layout, cut: undefined }];
  const whole = row.parts.reduce((sum, { size }) => sum + size, 0);
  let from = 0;
  return row.parts.map(({ to, size, layout }) => {
    const cut = { axis: row.axis, from, to: from + size, whole };
    from += size;
    return { sources: [row.from], targets: [to], layout, cut };
  });
}

/** Tensors that repeat others, those that are not used, and those of them that are kept. */
function asides(
  rows: readonly Weight[],
  names: readonly string[],
  nameOf: (pattern: string) => string,
): readonly [ReadonlyMap<string, string>, ReadonlyMap<string, string>, ReadonlyMap<string, string>] {
  const likes = new Map<string, string>();
  const ignored = new Map<string, string>();
  const kept = new Map<string, string>();
  for (const row of rows) {
    if (!("like" in row) && !("ignored" in row) && !("kept" in row)) continue;
    const match = matcher(nameOf(row.from));
    for (const name of names) {
      const bindings = match(name);
      if (!bindings) continue;
      if ("like" in row) likes.set(name, fill(nameOf(row.like), bindings));
      else if ("kept" in row) kept.set(name, row.kept);
      else ignored.set(name, row.ignored);
    }
  }
  return [likes, ignored, kept];
}

/** The sentence says which shapes do not fit. */
function fitted(step: Step, tensors: Shapes, parameters: Shapes): Move | string {
  const { sources, targets } = step;
  const shape = sharedShape(sources, tensors);
  const wanted = sharedShape(targets, parameters);
  if (typeof shape === "string") return shape;
  if (typeof wanted === "string") throw new Error(`internal: ${wanted}`);
  const { cut } = step;
  const taken = cut ? shape.map((size, n) => (n === cut.axis ? cut.to - cut.from : size)) : shape;
  const left = sources.length > 1 ? [sources.length, ...taken] : taken;
  const right = targets.length > 1 ? [targets.length, ...wanted] : wanted;
  const axes = step.layout === undefined ? undefined : parseLayout(step.layout);
  const sizes = axes && solve(axes, left, right);
  const cuts = cut === undefined || shape[cut.axis] === cut.whole;
  if (!cuts || (axes ? !sizes : !sameShape(left, right))) return misfit(step, shape, wanted);
  return {
    sources,
    targets,
    layout: axes && sizes && { axes, sizes },
    part: cut && {
      from: cut.from,
      to: cut.to,
      size: shape[cut.axis] ?? 0,
      inner: shape.slice(cut.axis + 1).reduce((all, size) => all * size, 1),
    },
  };
}

/** The one shape that all have, or the sentence that says that they differ. */
function sharedShape(names: readonly string[], shapes: Shapes): readonly number[] | string {
  const [first = "", ...others] = names;
  const shape = shapes.get(first) ?? [];
  const other = others.find((name) => !sameShape(shapes.get(name) ?? [], shape));
  if (other === undefined) return shape;
  return `\`${other}\` is ${shapeText(shapes.get(other) ?? [])} and \`${first}\` is ${shapeText(shape)}`;
}

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, n) => size === b[n]);

export const shapeText = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

function misfit(
  { sources, targets, layout, cut }: Step,
  shape: readonly number[],
  wanted: readonly number[],
): string {
  const many = (names: readonly string[]): string =>
    names.length > 1 ? `\`${names[0]}\` and ${names.length - 1} more` : `\`${names[0]}\``;
  const how = layout === undefined ? "" : ` by "${layout}"`;
  const whole = cut ? `, elements ${cut.from} to ${cut.to} of ${cut.whole} along axis ${cut.axis}` : "";
  return `${many(sources)} is ${shapeText(shape)}${whole}; the model's ${many(targets)} is ${shapeText(wanted)}${how}`;
}
