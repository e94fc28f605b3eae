/**
 * Arguments that may be what the callee would take anyway → without those that a build shows to be so.
 *
 * ```
 * attention(x, heads, head_dim: d_model / heads)     attention(x, heads), whose d is d_model
 * ```
 */
import type {
  CallExpression,
  Declaration,
  Expression,
  Model,
  ModelDeclaration,
  Parameter,
  Statement,
} from "../../parser/model.js";
import type { Resolve } from "../build/declarations.js";
import { visitExpression } from "../build/walk.js";
import type { SettingValue } from "../build.js";
import { build } from "../build.js";
import type { Built, Graph } from "../graph.js";
import { expressionsIn } from "./declared.js";
import type { Engine } from "./engine.js";
import { keptCall } from "./engine.js";
import { namesIn } from "./known.js";
import { mapExpression, mapStatement } from "./rewrite.js";

interface Doubt {
  readonly call: number;
  readonly argument: string;
}

export function withoutDoubtful(
  engine: Engine,
  file: string,
  declarations: readonly Declaration[],
  resolve: Resolve,
): readonly Declaration[] {
  const doubts = engine.calls.flatMap(({ doubtful }, call) =>
    doubtful.map((argument): Doubt => ({ call, argument })),
  );
  if (doubts.length === 0) return declarations;
  const trial = (left: readonly Doubt[]): readonly Declaration[] | undefined => {
    const shorter = withoutUnused(declarations.map((d) => without(engine, d, left)));
    return alike(file, declarations, shorter, sizesIn(engine, declarations, left), resolve)
      ? shorter
      : undefined;
  };
  const all = trial(doubts);
  if (all) return all;
  const fine = doubts.filter((doubt) => trial([doubt]));
  return trial(fine) ?? declarations;
}

const dropped = (engine: Engine, e: CallExpression, doubts: readonly Doubt[]): readonly string[] => {
  const kept = keptCall(engine, e);
  return kept ? doubts.filter(({ call }) => engine.calls[call] === kept).map(({ argument }) => argument) : [];
};

function without(engine: Engine, d: Declaration, doubts: readonly Doubt[]): Declaration {
  const shorten = (e: Expression): Expression => {
    if (e.kind !== "call") return e;
    const names = dropped(engine, e, doubts);
    return { ...e, arguments: e.arguments.filter(({ name }) => !name || !names.includes(name.text)) };
  };
  return mapBody(d, (x) => mapExpression(x, shorten));
}

/** Without parameters that no line names any more, of the model and of the blocks made for it. */
function withoutUnused(declarations: readonly Declaration[]): readonly Declaration[] {
  const unused = new Map<string, readonly number[]>();
  const kept = declarations.map((d): Declaration => {
    if ((d.kind !== "model" && d.kind !== "block") || d.span.file !== "") return d;
    const names = new Set(expressionsIn(d).flatMap((x) => [...namesIn(x)]));
    const isUsed = ({ name, axes }: Parameter): boolean => axes !== undefined || names.has(name.text);
    unused.set(
      d.name.text,
      d.parameters.flatMap((p, n) => (isUsed(p) ? [] : [n])),
    );
    return { ...d, parameters: d.parameters.filter(isUsed) };
  });
  if ([...unused.values()].every((list) => list.length === 0)) return declarations;
  const parametersOf = (name: string): readonly string[] =>
    declarations.flatMap((d) =>
      d.kind === "block" && d.name.text === name ? d.parameters.map((p) => p.name.text) : [],
    );
  const shorten = (e: Expression): Expression => {
    const name = e.kind === "call" && e.callee.kind === "name" ? e.callee.text : undefined;
    const gone = name === undefined ? undefined : unused.get(name);
    if (e.kind !== "call" || name === undefined || !gone || gone.length === 0) return e;
    const names = parametersOf(name);
    const at = (a: CallExpression["arguments"][number], n: number): number =>
      a.name ? names.indexOf(a.name.text) : n;
    return { ...e, arguments: e.arguments.filter((a, n) => !gone.includes(at(a, n))) };
  };
  return withoutUnused(kept.map((d) => mapBody(d, (x) => mapExpression(x, shorten))));
}

function mapBody(d: Declaration, f: (x: Expression) => Expression): Declaration {
  if (d.kind !== "model" && d.kind !== "block") return d;
  const body = (inner: readonly Statement[]): readonly Statement[] =>
    inner.map((s) => mapStatement(s, f, body));
  return { ...d, body: body(d.body) };
}

/** The model's parameters that the doubtful arguments speak of, each made twice what it is. */
function sizesIn(
  engine: Engine,
  declarations: readonly Declaration[],
  doubts: readonly Doubt[],
): readonly Readonly<Record<string, SettingValue>>[] {
  const names = new Set<string>();
  for (const d of declarations)
    for (const x of expressionsIn(d))
      visitExpression(x, (e) => {
        if (e.kind !== "call") return;
        const own = dropped(engine, e, doubts);
        for (const { name, value } of e.arguments)
          if (name && own.includes(name.text)) for (const n of namesIn(value)) names.add(n);
      });
  const model = declarations.find((d): d is ModelDeclaration => d.kind === "model")!;
  return model.parameters.flatMap(({ name, defaultValue: x }) =>
    names.has(name.text) && x?.kind === "number" ? [{ [name.text]: 2 * x.value }] : [],
  );
}

/** Whether both build to the same, as they stand and with each of the other sizes. */
function alike(
  file: string,
  before: readonly Declaration[],
  after: readonly Declaration[],
  sizes: readonly Readonly<Record<string, SettingValue>>[],
  resolve: Resolve,
): boolean {
  const made = (declarations: readonly Declaration[], settings: Readonly<Record<string, SettingValue>>) => {
    const model: Model = { file, declarations };
    return fingerprint(build(model, { settings, resolve }).built);
  };
  return [{}, ...sizes].every((settings) => made(before, settings) === made(after, settings));
}

function fingerprint(built: Built | undefined): string {
  if (!built) return "";
  const keys = (graph: Graph | undefined) => graph?.outputs.map(({ name, node }) => [name, node.key]);
  return JSON.stringify([
    keys(built.forward),
    keys(built.loss),
    keys(built.evaluation),
    built.parameters,
    built.inputs,
    built.lengths,
  ]);
}
