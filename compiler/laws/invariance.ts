/**
 * What a change of the inputs along positions does to an output.
 *
 * ```
 * prefix_invariant(y)          editing the inputs at t and after changes no y before t, bit for bit, for every t
 * permutation_equivariant(y)   y of permuted inputs is y permuted
 * translation_invariant(y)     y is the same where positions count from P instead of from 0
 * ```
 */
import type { InputInfo } from "../ir/graph.js";
import type { Tensor } from "../ir/numbers/scalar.js";
import { stridesOf } from "../ir/numbers/tensor.js";
import { sizeEquals, symbol } from "../ir/shape.js";
import type { LawDeclaration } from "../parser/model.js";
import type { Claim } from "./claims.js";
import type { Difference } from "./difference.js";
import { differenceOf, fineTolerances } from "./difference.js";
import { evaluate, evaluateRounded } from "./evaluate.js";
import type { Place } from "./place.js";
import { createRandom } from "./random.js";
import type { Outcome } from "./result.js";
import { differing, holds, sizesText } from "./result.js";
import { shifted } from "./shift.js";
import type { Subject } from "./subject.js";
import { subjectsOf } from "./subject.js";
import { tooLarge } from "./too-large.js";
import type { Values } from "./values.js";
import { deriveInput, drawInput, drawInputs, drawOthers, drawParameters, leavesOf } from "./values.js";

type InvarianceClaim = Extract<Claim, { kind: "invariance" }>;

export function checkInvariance(
  law: LawDeclaration,
  place: Place,
  claim: InvarianceClaim,
  seed: number,
): Outcome {
  const subjects = subjectsOf(place, { law, of: claim.of, axis: claim.axis, seed });
  if ("status" in subjects) return subjects;
  const said: string[] = [];
  for (const subject of subjects) {
    const large = tooLarge(subject.graph, subject.lengths, law.claim.span, `The law \`${law.name.text}\``);
    if (large) return large;
    const found = breach(claim.which, subject, seed);
    if (found)
      return differing(law.claim.span, law.name.text, found.difference, {
        sides: found.sides,
        sizes: subject.sizes,
        seed,
      });
    said.push(sizesText(subject.sizes));
  }
  return holds(said.join("; "));
}

interface Breach {
  readonly difference: Difference;
  readonly sides: readonly [string, string];
}

function breach(which: InvarianceClaim["which"], subject: Subject, seed: number): Breach | undefined {
  const inputs = drawInputs(subject.built.inputs, subject.lengths, seed);
  const fixed = {
    ...leavesOf(subject.built, drawParameters(subject.built, seed)),
    ...drawOthers(subject.graph, subject.lengths, seed),
  };
  const run = (given: Values): Values => evaluate(subject.graph, { ...fixed, ...given }, subject.lengths);
  const plain = run(inputs);
  const bounds = () =>
    fineTolerances(plain, evaluateRounded(subject.graph, { ...fixed, ...inputs }, subject.lengths));
  switch (which) {
    case "prefix_invariant":
      return prefixBreach(subject, { inputs, plain, run, seed });
    case "permutation_equivariant":
      return permutationBreach(subject, { inputs, plain, run, seed }, bounds());
    case "translation_invariant":
      return translationBreach(subject, { ...fixed, ...inputs }, plain, bounds());
    default:
      throw new Error(`internal: ${which satisfies never as string} is no invariance`);
  }
}

interface Trial {
  readonly inputs: Values;
  readonly plain: Values;
  readonly run: (inputs: Values) => Values;
  readonly seed: number;
}

const axesAlong = ({ shape }: InputInfo, length: string): readonly number[] =>
  shape.flatMap(({ size }, n) => (sizeEquals(size, symbol(length)) ? [n] : []));

function prefixBreach(subject: Subject, { inputs, plain, run, seed }: Trial): Breach | undefined {
  const { built, lengths, output } = subject;
  const count = lengths[subject.symbol]!;
  for (let t = 1; t < count; t++) {
    const edited: Record<string, Tensor<number>> = {};
    for (const input of built.inputs.filter(({ derived }) => derived?.how !== "next")) {
      const fresh = drawInput({ ...input, name: `${input.name} from ${t}` }, lengths, seed);
      edited[input.name] = editedFrom(inputs[input.name]!, fresh, axesAlong(input, subject.symbol), t);
    }
    for (const input of built.inputs.filter(({ derived }) => derived?.how === "next"))
      edited[input.name] = deriveInput(input, edited, lengths, seed);
    const after = run(edited);
    const before = (values: Values): Values => ({ [output]: prefixOf(values[output]!, subject.axes, t) });
    const difference = differenceOf(before(plain), before(after), {});
    if (difference)
      return { difference, sides: ["at first", `with the inputs from position ${t} on edited`] };
  }
  return undefined;
}

/** The elements of `fresh` where an index along one of `axes` is at least `t`. */
function editedFrom(
  before: Tensor<number>,
  fresh: Tensor<number>,
  axes: readonly number[],
  t: number,
): Tensor<number> {
  const strides = stridesOf(before.sizes);
  const index = (n: number, axis: number): number => Math.floor(n / strides[axis]!) % before.sizes[axis]!;
  const data = Float64Array.from(before.data as Float64Array, (value, n) =>
    axes.some((axis) => index(n, axis) >= t) ? fresh.data[n]! : value,
  );
  return { sizes: before.sizes, data };
}

/** The first `t` along each of `axes`. */
function prefixOf(x: Tensor<number>, axes: readonly number[], t: number): Tensor<number> {
  const sizes = x.sizes.map((size, axis) => (axes.includes(axis) ? t : size));
  return gathered(x, sizes, (_, n) => n);
}

/** The tensor of `sizes` whose element at an index is x's at `from(axis, index)` along each axis. */
function gathered(
  x: Tensor<number>,
  sizes: readonly number[],
  from: (axis: number, index: number) => number,
): Tensor<number> {
  const [own, there] = [stridesOf(sizes), stridesOf(x.sizes)];
  const count = sizes.reduce((a, b) => a * b, 1);
  const data = Float64Array.from({ length: count }, (_, n) => {
    const at = sizes.reduce(
      (sum, size, axis) => sum + there[axis]! * from(axis, Math.floor(n / own[axis]!) % size),
      0,
    );
    return x.data[at]!;
  });
  return { sizes, data };
}

function permutationBreach(
  subject: Subject,
  { inputs, plain, run, seed }: Trial,
  bounds: Readonly<Record<string, number>>,
): Breach | undefined {
  const order = permutation(subject.lengths[subject.symbol]!, seed);
  const permuted = (x: Tensor<number>, axes: readonly number[]): Tensor<number> =>
    gathered(x, x.sizes, (axis, n) => (axes.includes(axis) ? order[n]! : n));
  const moved = Object.fromEntries(
    subject.built.inputs.map((input) => [
      input.name,
      permuted(inputs[input.name]!, axesAlong(input, subject.symbol)),
    ]),
  );
  const wanted = { [subject.output]: permuted(plain[subject.output]!, subject.axes) };
  const difference = differenceOf(wanted, run(moved), bounds);
  return (
    difference && {
      difference,
      sides: ["of the output permuted", `of the inputs permuted by ${order.join(" ")}`],
    }
  );
}

/** Not the identity, unless there is no other. */
function permutation(count: number, seed: number): readonly number[] {
  const random = createRandom(seed, "permutation");
  const order = Array.from({ length: count }, (_, n) => n);
  for (let n = count - 1; n > 0; n--) {
    const other = random.below(n);
    [order[n], order[other]] = [order[other]!, order[n]!];
  }
  return order;
}

const SHIFTS = [1, 3];

function translationBreach(
  { built, builder, graph, lengths, symbol: length }: Subject,
  inputs: Values,
  plain: Values,
  bounds: Readonly<Record<string, number>>,
): Breach | undefined {
  const moved = shifted(graph, length, builder);
  const room = built.lengths[length]!.maximum - lengths[length]!;
  for (const P of SHIFTS.filter((by) => by <= room)) {
    const difference = differenceOf(plain, evaluate(moved, inputs, { ...lengths, P }), bounds);
    if (difference) return { difference, sides: ["from position 0 on", `from position ${P} on`] };
  }
  return undefined;
}
