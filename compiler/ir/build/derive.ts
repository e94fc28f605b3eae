/**
 * A model in config form → the model it stands on, and the settings that reach it.
 *
 * ```
 * model gpt2 : decoder { layers = 12; norm = layer_norm }     root decoder, layers = 2 (of `post`), norm = layer_norm
 * variant post : gpt2 { layers = 2 }
 * ```
 */
import type { Diagnostic } from "../../diagnostics.js";
import { diagnostic } from "../../diagnostics.js";
import type {
  Expression,
  LawDeclaration,
  ModelDeclaration,
  Name,
  RenameStatement,
  Span,
  Statement,
  TrainStatement,
} from "../../parser/model.js";
import { renamed } from "../../parser/rename-text.js";
import type { Scope } from "./scope.js";
import { lookup, visibleNames } from "./scope.js";
import { pushDiagnostic, suggest } from "./session.js";
import { describe } from "./values.js";

/** A model with the scope of the file that declares it. */
export interface Placed {
  readonly declaration: ModelDeclaration;
  readonly scope: Scope;
}

/** `layers = 2` in a model in config form; the last one of a chain of variants counts. */
export interface Setting {
  readonly value: Expression;
  readonly span: Span;
  readonly scope: Scope;
}

export interface Derivation {
  /** What was asked for; it gives its name. */
  readonly entry: ModelDeclaration;
  /** The model that has parameters and a body of its own. */
  readonly root: Placed;
  /** The models in config form between them, the nearest to the root first. */
  readonly layers: readonly Placed[];
  readonly settings: ReadonlyMap<string, Setting>;
}

/** Undefined where there is no root: a diagnostic says why. */
export function derive(entry: Placed, diagnostics: Diagnostic[]): Derivation | undefined {
  const chain = chainOf(entry, diagnostics);
  const root = chain?.[0];
  if (!chain || !root) return undefined;
  const layers = chain.slice(1);
  const settings = new Map<string, Setting>();
  for (const layer of layers)
    for (const [name, setting] of settingsOf(layer, root.declaration, diagnostics))
      settings.set(name, setting);
  return { entry: entry.declaration, root, layers, settings };
}

/** The models from the root to the entry. */
function chainOf(entry: Placed, diagnostics: Diagnostic[]): readonly Placed[] | undefined {
  const chain: Placed[] = [entry];
  for (let at = entry; at.declaration.base; ) {
    const base = baseOf(at, at.declaration.base, diagnostics);
    if (!base) return undefined;
    if (chain.some(({ declaration }) => declaration === base.declaration)) {
      reportCircle(base, chain, at.declaration.base, diagnostics);
      return undefined;
    }
    chain.unshift(base);
    at = base;
  }
  return chain;
}

function baseOf({ scope }: Placed, base: Name, diagnostics: Diagnostic[]): Placed | undefined {
  const value = lookup(scope, base.text)?.value;
  if (value?.kind === "model") return value;
  const models = visibleNames(scope).filter((name) => lookup(scope, name)?.value.kind === "model");
  const message = value
    ? `\`${base.text}\` is ${describe(value)} and no model.`
    : `There is no model \`${base.text}\`.`;
  const known = models.length > 0 ? { hint: `The models here are ${models.join(", ")}.` } : {};
  pushDiagnostic(
    diagnostics,
    diagnostic("TFM2014", base.span, message, { ...known, ...suggest(base.text, models, base.span) }),
  );
  return undefined;
}

function reportCircle(base: Placed, chain: readonly Placed[], at: Name, diagnostics: Diagnostic[]): void {
  const down = chain.map(({ declaration }) => declaration).reverse();
  const circle = [...down.slice(down.indexOf(base.declaration)), base.declaration];
  const message =
    circle.length === 2
      ? `\`${at.text}\` is its own base.`
      : `The bases go in a circle: ${circle.map(({ name }) => name.text).join(" → ")}.`;
  pushDiagnostic(
    diagnostics,
    diagnostic("TFM2015", at.span, message, {
      related: [
        { message: `\`${base.declaration.name.text}\` is declared here`, span: base.declaration.name.span },
      ],
      hint: "One of them is written out, or is based on a model of the library; a model hides the library's of its name.",
    }),
  );
}

/** What belongs in the config form. */
export interface ConfigBody {
  readonly settings: readonly { readonly name: Name; readonly value: Expression; readonly span: Span }[];
  readonly train: readonly TrainStatement[];
  readonly laws: readonly LawDeclaration[];
  readonly renames: readonly RenameStatement[];
  readonly others: readonly Statement[];
}

export function configBody(body: readonly Statement[]): ConfigBody {
  const isSetting = (s: Statement) => s.kind === "assign" && !s.indices && !s.operator;
  return {
    settings: body.flatMap((s) =>
      s.kind === "assign" && isSetting(s) ? [{ name: s.target, value: s.value, span: s.span }] : [],
    ),
    train: body.filter((s) => s.kind === "train"),
    laws: body.filter((s) => s.kind === "law"),
    renames: body.filter((s) => s.kind === "rename"),
    others: body.filter((s) => !["train", "law", "rename"].includes(s.kind) && !isSetting(s)),
  };
}

function settingsOf(
  { declaration, scope }: Placed,
  root: ModelDeclaration,
  diagnostics: Diagnostic[],
): ReadonlyMap<string, Setting> {
  const names = root.parameters.map(({ name }) => name.text);
  const { settings, train, renames, others } = configBody(declaration.body);
  const found = new Map<string, Setting>();
  for (const { name, value, span } of settings) {
    const first = found.get(name.text);
    if (!names.includes(name.text)) pushDiagnostic(diagnostics, unknownSetting(name, root, names));
    else if (first) pushDiagnostic(diagnostics, setTwice(name, first.span));
    else found.set(name.text, { value, span, scope });
  }
  for (const [n, again] of renames.entries()) {
    const first = renames.findIndex((other) => renamed(other) === renamed(again));
    if (first < n)
      pushDiagnostic(diagnostics, setTwice({ text: renamed(again), span: again.span }, renames[first]!.span));
  }
  for (const again of train.slice(1))
    pushDiagnostic(diagnostics, setTwice({ text: "train", span: again.span }, train[0]!.span));
  for (const s of others) pushDiagnostic(diagnostics, misplaced(s, declaration.base!));
  return found;
}

const unknownSetting = (name: Name, root: ModelDeclaration, names: readonly string[]): Diagnostic =>
  diagnostic("TFM2002", name.span, `The model \`${root.name.text}\` has no setting \`${name.text}\`.`, {
    hint: names.length > 0 ? `It has ${names.join(", ")}.` : "It has none.",
    ...suggest(name.text, names, name.span),
  });

const setTwice = (name: Name, first: Span): Diagnostic =>
  diagnostic("TFM2004", name.span, `\`${name.text}\` is set twice.`, {
    related: [{ message: "the first is here", span: first }],
  });

function misplaced(s: Statement, base: Name): Diagnostic {
  const isUpdate = s.kind === "assign" && s.operator !== undefined;
  return diagnostic("TFM2016", s.span, `This sets no parameter of \`${base.text}\`.`, {
    hint: isUpdate
      ? `Write \`${s.target.text} = …\`: a setting has one value.`
      : `A model based on another has settings, \`input … as …\`, \`train\` and \`law\`; blocks stand in \`model name(…) { … }\`, a model without a base.`,
  });
}
