/**
 * One source, or two → what was checked of it: its laws, every pass of every entry; or that both compute the same.
 *
 * ```
 * verifySource({ model, … })           laws: gpt2_size holds …      gpt2: forward, loss, grad, train through every pass
 * verifyPair(written, expanded, …)     forward, loss and grad agree
 * ```
 */
import type { Diagnostic } from "../diagnostics.js";
import type { BuildOptions, SettingValue } from "../ir/build.js";
import { build } from "../ir/build.js";
import type { Builder } from "../ir/builder.js";
import { createBuilder } from "../ir/builder.js";
import type { Built } from "../ir/graph.js";
import type { Model, Span } from "../parser/model.js";
import { capacity } from "../passes/decoding/graphs.js";
import { deriveDecoding } from "../passes/decoding.js";
import type { Entries } from "../passes/entries.js";
import { deriveEntries } from "../passes/entries.js";
import { formMix } from "../passes/form_mix.js";
import type { Pass } from "../passes/pass.js";
import { runModelPasses } from "../passes/pipeline.js";
import { stream } from "../passes/stream.js";
import type { CheckedLaw } from "./check.js";
import { checkLaws } from "./check.js";
import { lengthNames, smallLengths } from "./lengths.js";
import { checkPair } from "./pair.js";
import type { CheckedEntry, CheckedPass } from "./passes.js";
import { checkPasses } from "./passes.js";
import { tooLarge } from "./too-large.js";
import { POSITION } from "./values.js";

/** A file that was read without a mistake, and which of its models is meant. */
export interface Subject {
  readonly model: Model;
  readonly resolve: BuildOptions["resolve"];
  readonly entry?: string | undefined;
  readonly settings?: Readonly<Record<string, SettingValue>> | undefined;
}

export interface VerifiedModel {
  readonly name: string;
  /** The lengths that were used, by the names of axes. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly entries: readonly CheckedEntry[];
  /** Every pass, and how many rewrites of it were checked. */
  readonly passes: readonly CheckedPass[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface Verification {
  /** Everything holds where none of them is an error. */
  readonly diagnostics: readonly Diagnostic[];
  readonly seed: number;
  readonly laws: readonly Omit<CheckedLaw, "law">[];
  readonly models: readonly VerifiedModel[];
  /** Of two sources: the entries that agree. */
  readonly pair: readonly { readonly entry: string; readonly outputs: number }[] | undefined;
}

export interface VerifyOptions {
  readonly seed?: number | undefined;
  /** Other passes than the compiler's: to see that a wrong one is noticed. */
  readonly passes?: readonly Pass[] | undefined;
  readonly modelPasses?: readonly Pass[] | undefined;
}

/** A model with the graphs of its entries before any pass. */
export interface Prepared {
  readonly name: string;
  readonly span: Span;
  readonly built: Built;
  readonly builder: Builder;
  readonly entries: Entries;
  /** The same after the passes on the model: what a program is told to compute. */
  readonly told: Entries;
  readonly lengths: Readonly<Record<string, number>>;
}

/** The models of the file, or the one that is meant; mistakes in them are `diagnostics`. */
export function prepare({ model, resolve, entry, settings }: Subject): {
  readonly prepared: readonly Prepared[];
  readonly diagnostics: readonly Diagnostic[];
} {
  const declared = model.declarations.flatMap((d) => (d.kind === "model" ? [d.name] : []));
  const names = entry === undefined ? declared : declared.filter(({ text }) => text === entry);
  const results = (names.length > 0 ? names : [undefined]).map((name) => {
    const builder = createBuilder();
    const { built, diagnostics } = build(model, {
      entry: name?.text ?? entry,
      settings: settings ?? {},
      resolve,
      builder,
    });
    const span = name?.span ?? { file: model.file, start: 0, end: 0 };
    const prepared = built && {
      name: built.name,
      span,
      built,
      builder,
      entries: deriveEntries(built, builder),
      told: deriveEntries(
        runModelPasses(built, { level: 2, builder, passes: [formMix, stream] }).built,
        builder,
      ),
      lengths: smallLengths(built),
    };
    return { prepared, diagnostics };
  });
  return {
    prepared: results.flatMap(({ prepared }) => (prepared ? [prepared] : [])),
    diagnostics: different(results.flatMap(({ diagnostics }) => diagnostics)),
  };
}

/** A file of laws alone is one too. */
export function verifySource(subject: Subject, { seed = 0, ...other }: VerifyOptions = {}): Verification {
  const { model, resolve, entry, settings } = subject;
  const onlyLaws = entry === undefined && !model.declarations.some(({ kind }) => kind === "model");
  const { prepared, diagnostics } = onlyLaws ? { prepared: [], diagnostics: [] } : prepare(subject);
  if (diagnostics.some(({ severity }) => severity === "error"))
    return { diagnostics, seed, laws: [], models: [], pair: undefined };
  const laws = checkLaws(model, { resolve, entry, settings, seed });
  const models = prepared.map((one) => verifyModel(one, { seed, ...other }));
  return {
    diagnostics: [
      ...diagnostics,
      ...laws.flatMap((law) => law.diagnostics),
      ...models.flatMap((one) => [...one.diagnostics, ...one.entries.flatMap((e) => e.diagnostics)]),
    ],
    seed,
    laws: laws.map(({ law: _, ...rest }) => rest),
    models,
    pair: undefined,
  };
}

function verifyModel(
  { name, span, built, builder, entries, lengths }: Prepared,
  options: VerifyOptions & { readonly seed: number },
): VerifiedModel {
  const sizes = lengthNames(built, lengths);
  const large = largeOf({ name, span, entries, lengths });
  if (large) return { name, sizes, entries: [], passes: [], diagnostics: large };
  const decoding = decodingOf(built, builder, lengths);
  const checked = checkPasses(built, decoding.graphs, {
    ...{ builder, lengths: decoding.lengths, span },
    ...options,
  });
  return { name, sizes, ...checked, diagnostics: [] };
}

/** The entries of decoding, where the model has steps, and lengths in which a step has two positions behind it. */
function decodingOf(built: Built, builder: Builder, lengths: Prepared["lengths"]) {
  const found = deriveDecoding(built, builder);
  if (!found || "refused" in found) return { graphs: undefined, lengths };
  const { symbol } = found;
  const C = Math.min(built.lengths[symbol]!.maximum, lengths[symbol]! + 3);
  return {
    graphs: found,
    lengths: { ...lengths, [capacity]: C, [POSITION]: Math.min(2, C - lengths[symbol]!) },
  };
}

/** Why a model is not computed here; undefined where it is. */
export function largeOf({
  name,
  span,
  entries,
  lengths,
}: Pick<Prepared, "name" | "span" | "entries" | "lengths">): readonly Diagnostic[] | undefined {
  return tooLarge(entries.train ?? entries.forward, lengths, span, `\`${name}\``)?.diagnostics;
}

export function verifyPair(first: Subject, second: Subject, { seed = 0 }: VerifyOptions = {}): Verification {
  const sides = [first, second].map(prepare);
  const diagnostics = sides.flatMap((side) => side.diagnostics);
  const nothing = { seed, laws: [], models: [], pair: undefined };
  const [a, b] = sides.map(({ prepared }) => prepared[0]);
  if (!a || !b || diagnostics.some(({ severity }) => severity === "error"))
    return { ...nothing, diagnostics };
  const large = largeOf(a) ?? largeOf(b);
  if (large) return { ...nothing, diagnostics: large };
  const { entries, diagnostics: found } = checkPair(a, b, { seed, span: b.span });
  return { ...nothing, diagnostics: [...diagnostics, ...found], pair: entries };
}

/** What is wrong with the file itself is found with each of its models. */
const different = (all: readonly Diagnostic[]): readonly Diagnostic[] => [
  ...new Map(all.map((d) => [JSON.stringify(d), d])).values(),
];
