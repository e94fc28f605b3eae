/**
 * Two models → whether they compute the same: outputs, loss and gradients on the same random inputs and parameters.
 *
 * ```
 * nano.tfm and `tfmc expand nano.tfm`      logits, loss.sum, loss.count, grad.wte.table, … agree
 * ```
 */
import type { Diagnostic } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import type { Built, Graph } from "../ir/graph.js";
import type { Shape } from "../ir/shape.js";
import type { Span } from "../parser/model.js";
import type { Entries } from "../passes/entries.js";
import { differenceOf, differenceText, fineTolerances } from "./difference.js";
import { evaluate, evaluateRounded } from "./evaluate.js";
import { lengthNames, smallLengths } from "./lengths.js";
import { drawEntry, drawModel } from "./passes.js";
import { sizesText } from "./result.js";
import { unstacked } from "./unstack.js";
import type { Values } from "./values.js";

/** One model of the two, with the graphs of its entries before any pass. */
export interface Compared {
  readonly built: Built;
  readonly entries: Entries;
}

export interface CheckedPair {
  /** What agrees: names of outputs, by entry. */
  readonly entries: readonly { readonly entry: string; readonly outputs: number }[];
  readonly diagnostics: readonly Diagnostic[];
}

const SIDES = ["in the first", "in the second"] as const;

export function checkPair(
  first: Compared,
  second: Compared,
  { seed, span }: { readonly seed: number; readonly span: Span },
): CheckedPair {
  const apart = signatureDifference(first.built, second.built);
  if (apart) return { entries: [], diagnostics: [diagnostic("TFM7004", span, apart)] };
  const agreed: { entry: string; outputs: number }[] = [];
  for (const entry of ["forward", "loss", "grad"] as const) {
    const [a, b] = [first.entries[entry], second.entries[entry]];
    if (!a && !b) continue;
    if (!a || !b)
      return {
        entries: agreed,
        diagnostics: [
          diagnostic("TFM7004", span, `Only the model ${a ? SIDES[0] : SIDES[1]} file has a loss.`),
        ],
      };
    const message = entryDifference(first.built, a, second.built, b, seed);
    if (typeof message !== "number")
      return {
        entries: agreed,
        diagnostics: [diagnostic("TFM7006", span, message.text, { hint: message.hint })],
      };
    agreed.push({ entry, outputs: message });
  }
  return { entries: agreed, diagnostics: [] };
}

function entryDifference(a: Built, x: Graph, b: Built, y: Graph, seed: number) {
  const lengths = smallLengths(a);
  const theirs = renamed(a, b, lengths);
  const draw = (built: Built, graph: Graph, sizes: typeof lengths): Values =>
    drawEntry(graph, drawModel(built, { lengths: sizes, seed }), { lengths: sizes, seed });
  const [one, other] = [draw(a, x, lengths), draw(b, y, theirs)];
  const byPath = (built: Built, values: Values): Values => unstacked(values, built);
  const left = byPath(a, evaluate(x, one, lengths));
  const right = byPath(b, evaluate(y, other, theirs));
  const p = fineTolerances(left, byPath(a, evaluateRounded(x, one, lengths)));
  const q = fineTolerances(right, byPath(b, evaluateRounded(y, other, theirs)));
  const bounds = Object.fromEntries(Object.entries(p).map(([name, bound]) => [name, bound + (q[name] ?? 0)]));
  const found = differenceOf(left, right, bounds);
  if (!found) return Object.keys(left).length;
  return {
    text: `The two are not equal: ${differenceText(found, SIDES)}; rounding explains ${found.bound.toExponential(1)}.`,
    hint: `Lengths ${sizesText(lengthNames(a, lengths))}; seed ${seed}.`,
  };
}

/** The lengths of one model in the symbols of the other: inputs of the same name have the same. */
function renamed(
  a: Built,
  b: Built,
  lengths: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const symbols = new Map<string, string>();
  for (const input of a.inputs) {
    const there = b.inputs.find(({ name }) => name === input.name)!;
    input.shape.forEach(({ size }, axis) => {
      const own = there.shape[axis]!.size;
      if (typeof size !== "number" && typeof own !== "number") symbols.set(own[0]![1]!, size[0]![1]!);
    });
  }
  return Object.fromEntries(
    Object.keys(b.lengths).map((name) => [name, lengths[symbols.get(name) ?? name] ?? 1]),
  );
}

/** What one has and the other has not, or undefined. */
export function signatureDifference(a: Built, b: Built): string | undefined {
  const tensors = (
    list: readonly { readonly name: string; readonly shape: Shape; readonly dtype: string }[],
  ): Rows => list.map(({ name, shape, dtype }) => [name, `${dtype} of rank ${shape.length}`]);
  const outputs = ({ forward }: Built): Rows =>
    tensors(forward.outputs.map(({ name, node }) => ({ name, shape: node.shape, dtype: node.dtype })));
  const parameters = (built: Built): Rows => built.parameters.map(({ name, shape }) => [name, sizes(shape)]);
  return (
    listDifference("input", tensors(a.inputs), tensors(b.inputs)) ??
    listDifference("output", outputs(a), outputs(b)) ??
    listDifference("parameter", parameters(a), parameters(b))
  );
}

type Rows = readonly (readonly [string, string])[];
const sizes = (shape: Shape): string => `[${shape.map(({ size }) => size).join(", ")}]`;

function listDifference(what: string, left: Rows, right: Rows): string | undefined {
  const [ours, theirs] = [new Map(left), new Map(right)];
  const only = (rows: Rows, others: ReadonlyMap<string, string>): readonly string[] =>
    rows.flatMap(([name]) => (others.has(name) ? [] : [name]));
  const [first, second] = [only(left, theirs), only(right, ours)];
  if (first.length + second.length > 0) {
    const said = [first, second].flatMap((names, n) =>
      names.length > 0 ? [`only ${SIDES[n]!.replace("in ", "")} has ${listed(names)}`] : [],
    );
    return `The models have different ${what}s: ${said.join(", ")}.`;
  }
  const unequal = left.find(([name, shape]) => theirs.get(name) !== shape);
  return (
    unequal &&
    `The ${what} \`${unequal[0]}\` is ${unequal[1]} ${SIDES[0]} and ${theirs.get(unequal[0])} ${SIDES[1]}.`
  );
}

/** The first three, and how many more. */
const listed = (names: readonly string[]): string =>
  names
    .slice(0, 3)
    .map((name) => `\`${name}\``)
    .join(", ") + (names.length > 3 ? ` and ${names.length - 3} more` : "");
