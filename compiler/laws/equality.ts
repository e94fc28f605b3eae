/**
 * `a == b`: both sides on the same random tensors, and the gradients of both.
 *
 * ```
 * law one_group: attention(x, 4, kv_heads: 4) == attention(x, 4)
 *   x drawn; attention.wq, … drawn once for both sides; value, and the gradients of x, wq, … agree
 * ```
 */
import type { Built, ParameterInfo } from "../ir/graph.js";
import type { Tensor } from "../ir/numbers/scalar.js";
import { countOf } from "../ir/numbers/tensor.js";
import { sameSizes } from "../ir/shape.js";
import type { Expression, LawDeclaration } from "../parser/model.js";
import type { Difference } from "./difference.js";
import { differenceOf, fineTolerances } from "./difference.js";
import { COTANGENT, evaluate, evaluateRounded, GRADIENT, leavesRead, withGradients } from "./evaluate.js";
import type { Draw, Form } from "./forms.js";
import { drawForms, positionAxes, VALUE } from "./forms.js";
import { lengthsIn } from "./lengths.js";
import type { Place } from "./place.js";
import { createRandom } from "./random.js";
import type { Outcome } from "./result.js";
import { differing, holds, sizesText, untried } from "./result.js";
import type { Values } from "./values.js";
import { drawInputs, drawOthers, drawParameter, leavesOf, sizesOf, tensorOf } from "./values.js";

const DRAWS = 3;
const SIDES = ["on the left", "on the right"] as const;

export function checkEquality(
  law: LawDeclaration,
  place: Place,
  sides: readonly [Expression, Expression],
  seed: number,
): Outcome {
  const { draws, diagnostics } = drawDefinite(place, sides, seed);
  if (draws.length === 0) return untried(law, diagnostics[0]);
  for (const [n, draw] of draws.entries()) {
    const [left, right] = draw.forms as readonly [Form, Form];
    const sharing = share(left.built, right.built);
    const difference = compareForms(left, right, { draw, sharing, seed: seed + n });
    const more = unsharedText(sharing);
    if (difference)
      return differing(law.claim.span, law.name.text, difference, {
        sides: SIDES,
        sizes: draw.sizes,
        seed,
        more,
      });
  }
  return holds(draws.map(({ sizes }) => sizesText(sizes)).join("; ") || "no free sizes");
}

/** Positions are lengths; where a block wants to know their number, they are numbers like the others. */
function drawDefinite(place: Place, sides: readonly Expression[], seed: number) {
  const drawn = drawForms(place, sides, { draws: DRAWS, seed, lengths: positionAxes });
  if (drawn.draws.length > 0) return drawn;
  const fixed = drawForms(place, sides, { draws: DRAWS, seed, lengths: new Set() });
  return fixed.draws.length > 0 ? fixed : drawn;
}

/** Which parameters of the right side are which of the left side. */
interface Sharing {
  /** Right name → left name. */
  readonly same: ReadonlyMap<string, string>;
  readonly onlyLeft: readonly string[];
  readonly onlyRight: readonly string[];
}

/** The same whole path, or the same path below the one call of each side that has parameters; and the same shape. */
export function share(left: Built, right: Built): Sharing {
  const below = [left, right].map(({ parameters }) => pathBelow(parameters));
  const same = new Map<string, string>();
  for (const p of right.parameters) {
    const candidates = [
      left.parameters.find(({ name }) => name === p.name),
      below[0] && below[1] && left.parameters.find(({ name }) => below[0]!(name) === below[1]!(p.name)),
    ];
    const found = candidates.find((c) => c !== undefined && sameSizes(c.shape, p.shape));
    if (found) same.set(p.name, found.name);
  }
  const taken = new Set(same.values());
  return {
    same,
    onlyLeft: left.parameters.flatMap(({ name }) => (taken.has(name) ? [] : [name])),
    onlyRight: right.parameters.flatMap(({ name }) => (same.has(name) ? [] : [name])),
  };
}

function pathBelow(parameters: readonly ParameterInfo[]): ((name: string) => string) | undefined {
  const calls = new Set(parameters.map(({ name }) => name.slice(0, name.indexOf(".") + 1)));
  return calls.size === 1 ? (name) => name.slice(name.indexOf(".") + 1) : undefined;
}

function unsharedText({ onlyLeft, onlyRight }: Sharing): string | undefined {
  const said = (names: readonly string[], side: string): readonly string[] =>
    names.length > 0 ? [`${names.join(", ")} only ${side}`] : [];
  const texts = [...said(onlyLeft, SIDES[0]), ...said(onlyRight, SIDES[1])];
  return texts.length > 0 ? `The sides have different parameters: ${texts.join("; ")}.` : undefined;
}

function compareForms(
  left: Form,
  right: Form,
  { draw, sharing, seed }: { readonly draw: Draw; readonly sharing: Sharing; readonly seed: number },
): Difference | undefined {
  const lengths = (built: Built) => lengthsIn(built, draw.sizes, { B: 2 });
  const leftWeights = new Map(left.built.parameters.map((p) => [p.name, drawParameter(p, seed)]));
  const rightWeights = new Map(
    right.built.parameters.map((p): [string, Tensor<number>] => [
      p.name,
      leftWeights.get(sharing.same.get(p.name) ?? "") ?? drawParameter(p, seed, `right ${p.name}`),
    ]),
  );
  const one = computed(left, leftWeights, lengths(left.built), seed);
  const other = computed(right, rightWeights, lengths(right.built), seed);
  const [a, b] = alike(one, other);
  // What is the same for every example has no gradient of its own for each.
  const matched = a === one && b === other ? matchGradients(left.built, right.built, sharing) : [VALUES];
  const pick = ({ values }: Computed, side: 0 | 1): Values =>
    Object.fromEntries(matched.flatMap((row) => (values[row[side]] ? [[row[2], values[row[side]]]] : [])));
  const bounds = (side: Computed, n: 0 | 1) =>
    fineTolerances(pick(side, n), pick({ ...side, values: side.rounded }, n));
  const [p, q] = [bounds(a, 0), bounds(b, 1)];
  const both = Object.fromEntries(Object.entries(p).map(([name, bound]) => [name, bound + (q[name] ?? 0)]));
  const [x, y] = [pick(a, 0), pick(b, 1)];
  const common = Object.fromEntries(Object.entries(x).filter(([name]) => y[name]));
  return differenceOf({ [VALUE]: x[VALUE]! }, y, both) ?? differenceOf(common, y, both);
}

/** A value that is the same for every example, beside one for each: as many of it. */
function alike(one: Computed, other: Computed): readonly [Computed, Computed] {
  const sizes = (side: Computed): readonly number[] => side.values[VALUE]!.sizes;
  const [a, b] = [sizes(one), sizes(other)];
  if (a.slice(1).join() === b.join() && a.length > b.length) return [one, perExample(other, a)];
  return b.slice(1).join() === a.join() && b.length > a.length ? [perExample(one, b), other] : [one, other];
}

function perExample({ values, rounded }: Computed, sizes: readonly number[]): Computed {
  const spread = (all: Values): Values => {
    const { data } = all[VALUE]!;
    const element = (_: unknown, n: number): number => data[n % data.length]!;
    return { [VALUE]: { sizes, data: Float64Array.from({ length: countOf(sizes) }, element) } };
  };
  return { values: spread(values), rounded: spread(rounded) };
}

const VALUES = [VALUE, VALUE, VALUE] as const;

interface Computed {
  readonly values: Values;
  readonly rounded: Values;
}

function computed(
  { built, builder }: Form,
  weights: ReadonlyMap<string, Tensor<number>>,
  lengths: Readonly<Record<string, number>>,
  seed: number,
): Computed {
  const graph = withGradients(built.forward, builder);
  const { shape } = built.forward.outputs[0]!.node;
  const random = createRandom(seed, COTANGENT);
  const asked = leavesRead(graph).has(COTANGENT + VALUE);
  const inputs: Values = {
    ...drawOthers(graph, lengths, seed),
    ...leavesOf(built, weights),
    ...drawInputs(built.inputs, lengths, seed),
    ...(asked ? { [COTANGENT + VALUE]: tensorOf(sizesOf(shape, lengths), () => random.normal()) } : {}),
  };
  return { values: evaluate(graph, inputs, lengths), rounded: evaluateRounded(graph, inputs, lengths) };
}

/** [output of the left, of the right, what messages call it]: the value, and the gradients of what both sides have. */
function matchGradients(
  left: Built,
  right: Built,
  { same }: Sharing,
): readonly (readonly [string, string, string])[] {
  const names = right.inputs.filter(({ name }) => left.inputs.some((one) => one.name === name));
  const leaf = (built: Built, name: string): string | undefined =>
    built.parameters.find((p) => p.name === name)?.leaf;
  return [
    VALUES,
    ...names.map(({ name }) => [GRADIENT + name, GRADIENT + name, GRADIENT + name] as const),
    ...[...same].flatMap(([theirs, ours]) => {
      const [a, b] = [leaf(left, ours), leaf(right, theirs)];
      return a !== undefined && b !== undefined && !a.includes("*") && !b.includes("*")
        ? [[GRADIENT + a, GRADIENT + b, GRADIENT + ours] as const]
        : [];
    }),
  ];
}
