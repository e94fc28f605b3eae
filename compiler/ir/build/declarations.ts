/**
 * Files → scopes: the library's names under every file's, imports beside the file's own.
 *
 * ```
 * builtins, library ← user's file (with what it imports)
 * ```
 */

import type { Diagnostic } from "../../diagnostics.js";
import { diagnostic } from "../../diagnostics.js";

import type {
  BlockDeclaration,
  Declaration,
  Expression,
  FormulaDeclaration,
  ImportDeclaration,
  Model,
  ModelDeclaration,
  Name,
  Parameter,
  Span,
} from "../../parser/model.js";
import { builtins } from "./builtins.js";
import { choicesOf, collectChoices } from "./choices.js";
import { initializerNames, initializerValue } from "./initializers.js";
import type { LibraryEntry } from "./library.js";
import { libraryEntries } from "./library.js";
import { libraryChoices } from "./library-choices.js";
import type { Scope } from "./scope.js";
import { bind, createScope } from "./scope.js";
import { pushDiagnostic } from "./session.js";
import type { Value } from "./values.js";
import { bodyOf, partsOf, visitExpression, visitStatements } from "./walk.js";

export type Resolve = (path: string, from: string) => Model | undefined;

export interface Program {
  /** The scope of the file that was given, with its models. */
  readonly scope: Scope;
  readonly models: readonly ModelDeclaration[];
  readonly choices: ReadonlySet<string>;
}

export function readDeclarations(model: Model, resolve: Resolve, diagnostics: Diagnostic[]): Program {
  const base = createScope(undefined, "global");
  for (const name of Object.keys(builtins)) bind(base, name, { kind: "builtin", name });
  for (const name of initializerNames) bind(base, name, initializerValue(name));
  bind(base, "none", { kind: "none" });
  bind(base, "full", { kind: "full" });
  for (const entry of libraryEntries())
    bind(base, entry.name.text, libraryValue(entry, base), entry.name.span, "declaration");
  const files: Model[] = [];
  const loader: Loader = { base, resolve, diagnostics, files, loading: [], loaded: new Map() };
  const scope = loadFile(loader, model, undefined);
  const declarations = files.flatMap((file) => file.declarations);
  for (const d of declarations) checkUnused(d, diagnostics);
  const models = model.declarations.filter((d): d is ModelDeclaration => d.kind === "model");
  return { scope, models, choices: choicesOf([libraryChoices, collectChoices(declarations)]) };
}

interface Loader {
  readonly base: Scope;
  readonly resolve: Resolve;
  readonly diagnostics: Diagnostic[];
  readonly files: Model[];
  readonly loading: string[];
  readonly loaded: Map<string, Scope>;
}

function loadFile(loader: Loader, model: Model, from: ImportDeclaration | undefined): Scope {
  const known = loader.loaded.get(model.file);
  if (known) return known;
  if (loader.loading.includes(model.file)) {
    const cycle = [...loader.loading.slice(loader.loading.indexOf(model.file)), model.file].join(" → ");
    pushDiagnostic(
      loader.diagnostics,
      diagnostic("TFM2011", from!.span, `The import goes in a circle: ${cycle}.`),
    );
    return createScope(loader.base, "global");
  }
  loader.loading.push(model.file);
  loader.files.push(model);
  const scope = createScope(loader.base, "global");
  for (const declaration of model.declarations) {
    if (declaration.kind !== "import") continue;
    const imported = loader.resolve(declaration.path, model.file);
    if (!imported)
      pushDiagnostic(
        loader.diagnostics,
        diagnostic("TFM2011", declaration.span, `\`${declaration.path}\` is not there, or is no model.`, {
          hint: "The path is relative to the importing file; `tfmc check` of that file says more.",
        }),
      );
    else
      for (const [name, binding] of loadFile(loader, imported, declaration).names)
        scope.names.set(name, binding);
  }
  declareAll(scope, model, loader.diagnostics);
  loader.loading.pop();
  loader.loaded.set(model.file, scope);
  return scope;
}

function declareAll(scope: Scope, model: Model, diagnostics: Diagnostic[]): void {
  for (const d of model.declarations) {
    const value = declaredValue(d, scope);
    if (!value || d.kind === "import") continue;
    const known = scope.names.get(d.name.text);
    if (known?.span?.file === model.file)
      pushDiagnostic(
        diagnostics,
        diagnostic("TFM2004", d.name.span, `\`${d.name.text}\` is declared twice in this file.`, {
          related: [{ message: "the first is here", span: known.span }],
        }),
      );
    bind(scope, d.name.text, value, d.name.span, "declaration");
  }
}

/** Read when something asks for the declaration. */
function libraryValue({ kind, read }: LibraryEntry, scope: Scope): Value {
  switch (kind) {
    case "block":
      return {
        kind,
        get declaration() {
          return read() as BlockDeclaration;
        },
        scope,
        bound: new Map(),
        as: undefined,
      };
    case "mask":
    case "score":
      return {
        kind: "formula",
        get declaration() {
          return read() as FormulaDeclaration;
        },
        scope,
        get bound() {
          return (read() as FormulaDeclaration).captures.length === 0;
        },
        held: new Map(),
      };
    case "model":
      return {
        kind,
        get declaration() {
          return read() as ModelDeclaration;
        },
        scope,
      };
    default:
      throw new Error(`internal: ${kind satisfies never} is no declaration`);
  }
}

function declaredValue(d: Declaration, scope: Scope): Value | undefined {
  switch (d.kind) {
    case "block":
      return { kind: "block", declaration: d, scope, bound: new Map(), as: undefined };
    case "mask":
    case "score":
      return { kind: "formula", declaration: d, scope, bound: d.captures.length === 0, held: new Map() };
    case "model":
      return { kind: "model", declaration: d, scope };
    case "import":
    case "law":
      return undefined;
    default:
      throw new Error(`internal: ${(d satisfies never as Declaration).kind} is no declaration`);
  }
}

function checkRepeated(names: readonly Name[], diagnostics: Diagnostic[]): void {
  const known = new Map<string, Span>();
  for (const name of names) {
    const first = known.get(name.text);
    if (first)
      pushDiagnostic(
        diagnostics,
        diagnostic("TFM2004", name.span, `Two parameters are called \`${name.text}\`.`, {
          related: [{ message: "the first is here", span: first }],
        }),
      );
    else known.set(name.text, name.span);
  }
}

/** "Nothing is silently ignored": a parameter that no line names. */
function checkUnused(d: Declaration, diagnostics: Diagnostic[]): void {
  if (d.kind === "import" || d.kind === "law") return;
  checkRepeated(
    "captures" in d
      ? [...d.captures.map(({ name }) => name), ...d.arguments]
      : d.parameters.map(({ name }) => name),
    diagnostics,
  );
  const parameters: readonly Parameter[] = "captures" in d ? d.captures : d.parameters;
  const used = new Set<string>();
  const look = (x: Expression): void =>
    visitExpression(x, (e) => void (e.kind === "name" && used.add(e.text)));
  if ("captures" in d) look(d.value);
  visitStatements(bodyOf(d), (s) => {
    for (const x of partsOf(s).expressions) look(x);
    if (s.kind === "assign" && s.operator) used.add(s.target.text);
  });
  for (const p of parameters) if (p.defaultValue) look(p.defaultValue);
  for (const p of parameters) {
    const names = [
      p.name.text,
      ...(Array.isArray(p.axes)
        ? (p.axes as readonly { readonly text: string }[]).map(({ text }) => text)
        : []),
    ];
    if (!names.some((name) => used.has(name)) && !p.name.text.startsWith("_"))
      pushDiagnostic(
        diagnostics,
        diagnostic(
          "TFM2007",
          p.span,
          `\`${p.name.text}\` is a parameter of \`${d.name.text}\` and is never used.`,
          { hint: "Remove it, or start its name with `_`." },
        ),
      );
  }
}
