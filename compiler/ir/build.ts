/**
 * Model → Built: names, shapes and sizes get their meaning; the last place where a user's mistake can show.
 *
 * ```
 * model m { input x[t] : real   param w[1]   y[i] = x[i] * w[0]   output y = y }
 *   forward: %0 = input.input "x" : f32 [batch=B, t=T] …
 * ```
 */
import type { Diagnostic } from "../diagnostics.js";
import { diagnostic, fileSpan } from "../diagnostics.js";
import { nearest } from "../nearest.js";
import type { Expression, Model, ModelDeclaration, TrainStatement } from "../parser/model.js";
import { readTfm } from "../parser/read-tfm.js";
import { assemble } from "./build/assemble.js";
import type { Program, Resolve } from "./build/declarations.js";
import { readDeclarations } from "./build/declarations.js";
import type { Derivation } from "./build/derive.js";
import { derive } from "./build/derive.js";
import { evaluateAny } from "./build/evaluate.js";
import { DEFAULT_MAXIMUM } from "./build/lengths.js";
import { isLibraryFile } from "./build/library.js";
import { evaluate, runBody } from "./build/meaning.js";
import type { RegionFrame } from "./build/paths.js";
import { createFrame, rootPath } from "./build/paths.js";
import { checkRenames, renamesOf } from "./build/renames.js";
import { bind, createScope } from "./build/scope.js";
import type { Env, Session } from "./build/session.js";
import { pushDiagnostic, Stop } from "./build/session.js";
import type { Given } from "./build/settings.js";
import { bindSettings, settingsScope } from "./build/settings.js";
import { executeStatement } from "./build/statements.js";
import type { Training } from "./build/train.js";
import { readTraining } from "./build/train.js";
import type { Value } from "./build/values.js";
import { boolean, number } from "./build/values.js";
import type { Builder } from "./builder.js";
import { createBuilder } from "./builder.js";
import type { Built } from "./graph.js";

export { isLibraryFile, librarySourceFiles } from "./build/library.js";

export type SettingValue = number | boolean | string | readonly number[];

export interface BuildOptions {
  /** The model's name; the file's only or first one where it is not given. */
  readonly entry?: string;
  /** Values of the model's parameters and of its recipe that win over the file: `layers`, `d`, `lr`, `train.batch`. */
  readonly settings?: Readonly<Record<string, SettingValue>>;
  /** The file that an `import` names, read; undefined where it cannot be. */
  readonly resolve: Resolve;
  /** Lets out the mean square of what each `repeat` carries, turn by turn, as `norm.<place>.<name>`. */
  readonly norms?: boolean;
  /** Where the nodes are made. The entries derived from a Built, its optimizer's steps among them, share this builder. */
  readonly builder?: Builder;
}

export interface BuildResult {
  readonly built: Built | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export function build(model: Model, options: BuildOptions): BuildResult {
  const diagnostics: Diagnostic[] = [];
  const context = contextOf(model, options, diagnostics);
  const built = context && elaborateModel(context);
  return { built: hasErrors(diagnostics) ? undefined : built, diagnostics };
}

/** What is to be elaborated; undefined where the file has no such model. */
function contextOf(model: Model, options: BuildOptions, diagnostics: Diagnostic[]): Context | undefined {
  const program = readDeclarations(model, options.resolve, diagnostics);
  const entry = chooseEntry(model, program, options.entry, diagnostics);
  const derivation = entry && derive({ declaration: entry, scope: program.scope }, diagnostics);
  return (
    derivation && {
      program,
      derivation,
      settings: sortSettings(model, derivation, options.settings ?? {}, diagnostics),
      diagnostics,
      builder: options.builder ?? createBuilder(),
      norms: options.norms ?? false,
    }
  );
}

const hasErrors = (diagnostics: readonly Diagnostic[]): boolean =>
  diagnostics.some(({ severity }) => severity === "error");

function chooseEntry(
  model: Model,
  { models }: Program,
  name: string | undefined,
  diagnostics: Diagnostic[],
): ModelDeclaration | undefined {
  const found = name === undefined ? models[0] : models.find((m) => m.name.text === name);
  if (found) return found;
  const names = models.map((m) => m.name.text);
  const near = name === undefined ? undefined : nearest(name, names);
  const message = name === undefined ? "The file has no model." : `The file has no model \`${name}\`.`;
  const hint = near
    ? `Did you mean \`${near}\`?`
    : names.length
      ? `It has ${names.join(", ")}.`
      : "Write `model name { … }`.";
  pushDiagnostic(diagnostics, diagnostic("TFM2013", fileSpan(model.file), message, { hint }));
  return undefined;
}

interface Settings {
  readonly parameters: ReadonlyMap<string, SettingValue>;
  readonly train: ReadonlyMap<string, SettingValue>;
}

/** Which settings are the model's parameters and which the recipe's; the recipe itself refuses what it does not know. */
function sortSettings(
  model: Model,
  { entry, root }: Derivation,
  given: Readonly<Record<string, SettingValue>>,
  diagnostics: Diagnostic[],
): Settings {
  const parameters = new Map<string, SettingValue>();
  const train = new Map<string, SettingValue>();
  const names = root.declaration.parameters.map(({ name }) => name.text);
  for (const [key, value] of Object.entries(given)) {
    if (names.includes(key)) parameters.set(key, value);
    else if (key.startsWith("train.")) train.set(key.slice("train.".length), value);
    else if (RECIPE_NAMES.includes(key)) train.set(key, value);
    else {
      const near = nearest(key, [...names, ...RECIPE_NAMES]);
      const hint = near
        ? `Did you mean \`${near}\`?`
        : `It has ${names.join(", ") || "no parameters"}; the recipe's settings start with \`train.\`.`;
      pushDiagnostic(
        diagnostics,
        diagnostic(
          "TFM2002",
          fileSpan(model.file),
          `The model \`${entry.name.text}\` has no setting \`${key}\`.`,
          { hint },
        ),
      );
    }
  }
  return { parameters, train };
}

/** Settings of the recipe that may be given without `train.`. */
const RECIPE_NAMES = ["lr", "batch", "steps", "accumulate", "clip", "warmup", "weight_decay"];

interface Context {
  readonly program: Program;
  readonly derivation: Derivation;
  readonly settings: Settings;
  readonly diagnostics: Diagnostic[];
  readonly builder: Builder;
  readonly norms: boolean;
}

export interface Elaboration {
  readonly env: Env;
  readonly session: Session;
  readonly frame: RegionFrame;
}

function elaborateModel(context: Context): Built | undefined {
  const plain = elaborateSettled(context, false);
  if (hasErrors(context.diagnostics)) return undefined;
  const hasLoss = plain.frame.emissions.some(({ kind }) => kind === "loss");
  const training = hasLoss && plain.session.asked.training ? elaborateSettled(context, true) : undefined;
  const recipe = trainingOf(context, plain.env);
  if (hasErrors(context.diagnostics) || !recipe) return undefined;
  return assemble(context.derivation.entry, plain, training, recipe);
}

/** Tables are as long as the lengths may become: once more where a bound was found after a table. */
function elaborateSettled(context: Context, training: boolean): Elaboration {
  let maxima: ReadonlyMap<string, number> = new Map();
  for (let round = 0; ; round++) {
    const done = elaborateOnce(context, training, maxima);
    const { assumed, lengths } = done.session;
    const settled = [...assumed].every(
      ([name, maximum]) => (lengths.get(name)?.maximum ?? DEFAULT_MAXIMUM) === maximum,
    );
    if (settled || round === 2 || hasErrors(context.diagnostics)) return done;
    maxima = new Map(
      [...lengths.values()].map(({ symbol, maximum }) => [symbol, maximum ?? DEFAULT_MAXIMUM]),
    );
  }
}

function elaborateOnce(
  context: Context,
  training: boolean,
  maxima: ReadonlyMap<string, number>,
): Elaboration {
  const opened = openModel(context, training, maxima);
  runBody(opened.env, context.derivation.root.declaration.body);
  checkRenames(opened.session);
  return opened;
}

/** The place in which a model's body will stand: its parameters have their values. */
function openModel(
  { program, derivation, settings, diagnostics, builder, norms }: Context,
  training: boolean,
  maxima: ReadonlyMap<string, number>,
): Elaboration {
  const session: Session = {
    builder,
    meaning: { expression: evaluateAny, statement: executeStatement },
    diagnostics,
    training,
    asked: { training: false },
    norms,
    lengths: new Map(),
    maxima,
    assumed: new Map(),
    inputs: [],
    renames: renamesOf(derivation),
    isLibrary: isLibraryFile,
    choices: program.choices,
    counters: { regions: 0, written: 0, parameters: 0, calls: 0 },
    stacks: [],
  };
  const frame = createFrame(0, undefined);
  const { entry, root } = derivation;
  const scope = createScope(root.scope, "block");
  const base = entry.base;
  const env: Env = {
    session,
    scope,
    path: rootPath(frame),
    region: frame,
    turn: undefined,
    index: undefined,
    calls: base ? [{ name: root.declaration.name.text, span: base.span, isModel: true }] : [],
    place: "model",
    states: undefined,
  };
  bindSettings(env, derivation, new Map([...settings.parameters].map(([name, x]) => [name, givenOf(x)])));
  return { env, session, frame };
}

/**
 * The value of an expression over a model's parameters, as `train` sees them, and `names` besides; undefined where it has none
 * that is known at compile time.
 */
export function settingsValue(
  model: Model,
  options: BuildOptions,
  x: Expression,
  names: Readonly<Record<string, number>> = {},
): { readonly value: Value | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const context = contextOf(model, options, diagnostics);
  if (!context) return { value: undefined, diagnostics };
  const { env } = openModel(context, false, new Map());
  const scope = createScope(settingsScope(env, context.derivation, context.program.scope), "block");
  for (const [name, value] of Object.entries(names)) bind(scope, name, number(value));
  try {
    return { value: evaluate({ ...env, scope }, x), diagnostics };
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return { value: undefined, diagnostics };
  }
}

/** A setting's text is an expression of the language: `post`, `rope(base: 5000)`. */
function givenOf(given: SettingValue): Given {
  if (typeof given === "number") return { value: number(given) };
  if (typeof given === "boolean") return { value: boolean(given) };
  if (typeof given !== "string") return { value: { kind: "list", items: given.map((item) => number(item)) } };
  const file = "the command line";
  const prefix = "block setting(value = ";
  const read = readTfm(`${prefix}${given}) { return value }\n`, file);
  const [declaration] = read.model.declarations;
  const expression: Expression | undefined =
    declaration?.kind === "block" ? declaration.parameters[0]?.defaultValue : undefined;
  return read.diagnostics.length > 0 || !expression
    ? { value: { kind: "string", value: given } }
    : { expression };
}

/** The recipes of the root and of what is based on it: the later ones win, setting by setting. */
function trainingOf({ derivation, settings }: Context, env: Env): Training | undefined {
  const { root, layers } = derivation;
  const written = trainOf(root.declaration)
    .slice(-1)
    .map((statement) => ({ env, statement }));
  for (const { declaration, scope } of layers)
    for (const statement of trainOf(declaration).slice(0, 1))
      written.push({ env: { ...env, scope: settingsScope(env, derivation, scope) }, statement });
  try {
    const overrides = new Map([...settings.train].map(([name, x]) => [name, givenValue(env, givenOf(x))]));
    return readTraining(env, written, overrides);
  } catch (error) {
    if (error instanceof Stop) return undefined;
    throw error;
  }
}

const trainOf = ({ body }: ModelDeclaration): readonly TrainStatement[] =>
  body.filter((s): s is TrainStatement => s.kind === "train");

const givenValue = (env: Env, given: Given): Value =>
  "value" in given ? given.value : evaluate(env, given.expression);
