/**
 * What an invariance speaks of → graphs with one output and one axis of positions.
 *
 * ```
 * prefix_invariant(logits)                           the model, its output logits, the length t of its axis 1
 * translation_invariant(attention(x, 2, …))          a form, drawn
 * ```
 */
import type { Diagnostic } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import { build } from "../ir/build.js";
import type { Builder } from "../ir/builder.js";
import { createBuilder } from "../ir/builder.js";
import type { Built, Graph } from "../ir/graph.js";
import { sizeEquals, symbol } from "../ir/shape.js";
import type { Expression, LawDeclaration } from "../parser/model.js";
import { drawForms, VALUE } from "./forms.js";
import { lengthNames, lengthsIn, smallLengths } from "./lengths.js";
import type { Place } from "./place.js";
import type { Outcome } from "./result.js";
import { untried } from "./result.js";

export interface Subject {
  readonly built: Built;
  readonly builder: Builder;
  /** The one output. */
  readonly graph: Graph;
  readonly output: string;
  /** The length symbol of positions, and the axes of the output that have it. */
  readonly symbol: string;
  readonly axes: readonly number[];
  readonly lengths: Readonly<Record<string, number>>;
  /** By the names of axes. */
  readonly sizes: Readonly<Record<string, number>>;
}

interface Asked {
  readonly law: LawDeclaration;
  readonly of: Expression;
  readonly axis: string | undefined;
  readonly seed: number;
}

const DRAWS = 2;

export function subjectsOf(place: Place, asked: Asked): readonly Subject[] | Outcome {
  const output = asked.of.kind === "name" ? modelOutput(place, asked.of.text) : undefined;
  if (output && "diagnostics" in output) return output;
  if (output) {
    const lengths = smallLengths(output.built);
    const sizes = lengthNames(output.built, lengths);
    return orFailure(asked, [subjectOf({ ...output, sizes, lengths }, asked)]);
  }
  const { draws, diagnostics } = drawForms(place, [asked.of], {
    draws: DRAWS,
    seed: asked.seed,
    lengths: new Set([asked.axis ?? "t"]),
  });
  if (draws.length === 0) return untried(asked.law, diagnostics[0]);
  return orFailure(
    asked,
    draws.map(({ forms, sizes }) => {
      const [{ built, builder }] = forms as [(typeof forms)[number]];
      return subjectOf(
        { built, builder, output: VALUE, sizes, lengths: lengthsIn(built, sizes, { B: 2 }) },
        asked,
      );
    }),
  );
}

function modelOutput(
  { file, model, resolve, settings }: Place,
  output: string,
): { readonly built: Built; readonly builder: Builder; readonly output: string } | Outcome | undefined {
  if (model === undefined) return undefined;
  const builder = createBuilder();
  const { built, diagnostics } = build(file, { entry: model, settings, resolve, builder });
  if (!built) return { status: "refused", says: "the model has errors", diagnostics };
  return built.forward.outputs.some(({ name }) => name === output) ? { built, builder, output } : undefined;
}

type Found = Omit<Subject, "graph" | "symbol" | "axes">;

function subjectOf(found: Found, { law, axis }: Asked): Subject | Diagnostic {
  const { built, output } = found;
  const node = built.forward.outputs.find(({ name }) => name === output)!.node;
  const symbols = Object.keys(built.lengths).filter(
    (name) => name !== "B" && (axis === undefined || built.lengths[name]!.axis === axis),
  );
  const isAlong = (name: string) =>
    node.shape.flatMap(({ size }, n) => (sizeEquals(size, symbol(name)) ? [n] : []));
  const along = symbols.find((name) => isAlong(name).length > 0);
  if (along === undefined)
    return diagnostic(
      "TFM7002",
      law.claim.span,
      `No axis of this goes along ${axis === undefined ? "positions" : `the length \`${axis}\``}.`,
      {
        hint: "The law speaks of a tensor that has a length of its inputs; the second argument names its axis.",
      },
    );
  const graph = { name: built.forward.name, outputs: [{ name: output, node }] };
  return { ...found, graph, symbol: along, axes: isAlong(along) };
}

function orFailure({ law }: Asked, found: readonly (Subject | Diagnostic)[]): readonly Subject[] | Outcome {
  const bad = found.find((one): one is Diagnostic => "code" in one);
  if (bad) return { status: "refused", says: `\`${law.name.text}\`: ${bad.message}`, diagnostics: [bad] };
  return found as readonly Subject[];
}
