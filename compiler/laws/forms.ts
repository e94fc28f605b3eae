/**
 * A law's expression and sizes → a Built that computes it: a model is written around it and built like any other.
 *
 * ```
 * attention(x, 4, mask: causal)   d = 12
 *   →   model (d) { input x[t <= 16, d] : real   output value = attention(x, 4, mask: causal) }
 * ```
 */
import type { Diagnostic } from "../diagnostics.js";
import { visitExpression } from "../ir/build/walk.js";
import { build } from "../ir/build.js";
import type { Builder } from "../ir/builder.js";
import { createBuilder } from "../ir/builder.js";
import type { Built } from "../ir/graph.js";
import type {
  Expression,
  InputStatement,
  Model,
  ModelDeclaration,
  Parameter,
  Span,
} from "../parser/model.js";
import { freeTensors } from "./free-names.js";
import type { Place } from "./place.js";
import { createRandom } from "./random.js";

/** How one side of a law is computed: the graph's one output is `value`. */
export interface Form {
  readonly built: Built;
  readonly builder: Builder;
}

/** Sizes that made all sides build. */
export interface Draw {
  /** Axis → size. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly forms: readonly Form[];
  /** Free name → what it holds. */
  readonly elements: ReadonlyMap<string, Element>;
}
type Element = "real" | "int";

export const VALUE = "value";
/** The name that no file can give a model. */
const NAME = "a law";
/** Axes that stand for positions: lengths, as they are in a model. */
export const positionAxes: ReadonlySet<string> = new Set(["t", "s"]);
/** Lengths that are drawn are at most this, and blocks that ask are told so. */
export const LONGEST = 16;
const LENGTHS = [7, 5, 9, 4, 13, 6, 11, 2, 3];
const WIDTHS = [12, 8, 24, 4, 20, 16, 36, 6, 10, 5, 15, 3, 7, 14, 60];
const ATTEMPTS = 36;

export interface Wanted {
  readonly draws: number;
  readonly seed: number;
  /** The axes whose sizes stay unknown when the forms are built. */
  readonly lengths: ReadonlySet<string>;
}

/** Up to `draws` draws; none and why, where no sizes build. */
export function drawForms(
  place: Place,
  expressions: readonly Expression[],
  { draws, seed, lengths }: Wanted,
): { readonly draws: readonly Draw[]; readonly diagnostics: readonly Diagnostic[] } {
  const free = freeTensors(expressions, place);
  const axes = [...new Set([...free.values()].flat())].filter((axis) => !place.known.has(axis));
  let blocked: readonly Diagnostic[] | undefined;
  for (const elements of elementChoices([...free.keys()])) {
    const found: Draw[] = [];
    const tried = new Set<string>();
    for (let attempt = 0; attempt < ATTEMPTS && found.length < draws; attempt++) {
      const sizes = drawSizes(axes, lengths, seed, attempt);
      const key = Object.values(sizes).join();
      if (tried.has(key)) continue;
      tried.add(key);
      const results = expressions.map((x) => buildForm(place, x, { free, sizes, lengths, elements }));
      const forms = results.map(({ form }) => form);
      if (forms.every((form) => form !== undefined)) found.push({ sizes, forms, elements });
      else {
        blocked ??= results.flatMap(({ diagnostics }) => diagnostics);
        // A name that means nothing means nothing at other sizes either.
        if (blocked.some(({ code }) => code === "TFM2001" || code === "TFM2002"))
          return { draws: [], diagnostics: blocked };
      }
    }
    if (found.length > 0) return { draws: found, diagnostics: [] };
  }
  return { draws: [], diagnostics: blocked ?? [] };
}

/** All real; else one after the other whole numbers, else all. */
function elementChoices(names: readonly string[]): readonly ReadonlyMap<string, Element>[] {
  const choice = (of: (name: string) => boolean): ReadonlyMap<string, Element> =>
    new Map(names.map((name) => [name, of(name) ? "int" : "real"]));
  const singles = names.length > 1 ? names.map((one) => choice((name) => name === one)) : [];
  return [choice(() => false), ...singles, choice(() => true)];
}

function drawSizes(
  axes: readonly string[],
  lengths: ReadonlySet<string>,
  seed: number,
  attempt: number,
): Readonly<Record<string, number>> {
  return Object.fromEntries(
    axes.map((axis) => {
      const pool = lengths.has(axis) || positionAxes.has(axis) ? LENGTHS : WIDTHS;
      const start = createRandom(seed, `axis ${axis}`).below(3);
      const random = createRandom(seed, `axis ${axis} ${attempt}`);
      // The first draws are what most blocks take; then anything.
      return [axis, attempt < 3 ? pool[(start + attempt) % 3]! : pool[random.below(pool.length)]!];
    }),
  );
}

interface Plan {
  readonly free: ReadonlyMap<string, readonly string[]>;
  readonly sizes: Readonly<Record<string, number>>;
  readonly lengths: ReadonlySet<string>;
  readonly elements: ReadonlyMap<string, Element>;
}

function buildForm(
  place: Place,
  x: Expression,
  plan: Plan,
): { readonly form: Form | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const own = freeTensors([x], place);
  const inputs = [...plan.free].filter(([name]) => own.has(name));
  const widths = [...new Set(inputs.flatMap(([, axes]) => axes))].filter(
    (axis) => !plan.lengths.has(axis) && !place.known.has(axis),
  );
  const parameters = [
    ...neededParameters(place.parameters, [
      x,
      ...inputs.flatMap(([, axes]) => axes.map((a) => nameOf(a, x.span))),
    ]),
    ...widths.map(
      (name): Parameter => ({
        name: { text: name, span: x.span },
        axes: undefined,
        defaultValue: undefined,
        span: x.span,
      }),
    ),
  ];
  const declaration: ModelDeclaration = {
    kind: "model",
    name: { text: NAME, span: x.span },
    parameters,
    base: undefined,
    variant: false,
    body: [
      ...inputs.map(([name, axes]) => inputOf(name, axes, plan, x.span)),
      { kind: "output", name: { text: VALUE, span: x.span }, value: x, span: x.span },
    ],
    doc: "",
    span: x.span,
  };
  const model: Model = { ...place.file, declarations: [...place.file.declarations, declaration] };
  const settings = Object.fromEntries(widths.map((axis) => [axis, plan.sizes[axis]!]));
  const builder = createBuilder();
  const { built, diagnostics } = build(model, { entry: NAME, settings, resolve: place.resolve, builder });
  return { form: built && { built, builder }, diagnostics };
}

function inputOf(
  name: string,
  axes: readonly string[],
  { lengths, elements }: Plan,
  span: Span,
): InputStatement {
  const int = elements.get(name) === "int";
  return {
    kind: "input",
    name: { text: name, span },
    axes: axes.map((axis) => (lengths.has(axis) ? atMost(axis, span) : nameOf(axis, span))),
    element: int ? "int" : "real",
    bound: int ? { kind: "number", value: 3, text: "3", span } : undefined,
    span,
  };
}

const nameOf = (text: string, span: Span): Expression => ({ kind: "name", text, span });
const atMost = (axis: string, span: Span): Expression => ({
  kind: "binary",
  operator: "<=",
  left: nameOf(axis, span),
  right: { kind: "number", value: LONGEST, text: String(LONGEST), span },
  span,
});

/** The parameters that expressions name, and those that their values name. */
function neededParameters(
  all: readonly Parameter[],
  expressions: readonly Expression[],
): readonly Parameter[] {
  const needed = new Set<Parameter>();
  const look = (x: Expression): void => {
    for (const p of all)
      if (!needed.has(p) && namesIn(x).has(p.name.text)) {
        needed.add(p);
        if (p.defaultValue) look(p.defaultValue);
      }
  };
  expressions.forEach(look);
  return all.filter((p) => needed.has(p));
}

function namesIn(x: Expression): ReadonlySet<string> {
  const names = new Set<string>();
  visitExpression(x, (e) => {
    if (e.kind === "name") names.add(e.text);
  });
  return names;
}
