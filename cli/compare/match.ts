/**
 * `--match params|flops`: a variant and the first one's count → the width of its feed-forward layers that gives that count.
 *
 * ```
 * first 106,944 parameters, wide 140,000 with hidden = 256   →   --set hidden=170, 106,898 parameters
 * mlp(hidden: 4 * d_model) in a family                       →   --set ffn=mlp(hidden: 170)
 * ```
 * Within one percent nothing is changed. Where the model has no such knob, or none of its values will do, it is refused.
 */
import { dirname } from "node:path";
import { compile, summary } from "../../compiler/index.js";
import type { CallExpression, Expression } from "../../compiler/parser/model.js";
import type { Context } from "../context.js";
import { note } from "../context.js";
import { fail } from "../failure.js";
import { createImportResolver } from "../import-resolver.js";
import { settingsOf } from "../load.js";
import { count, flops } from "../terminal.js";
import { readChain, saidBy } from "./configuration.js";
import type { CompareOptions } from "./options.js";
import type { Counts, PlannedVariant } from "./plan.js";
import { planVariant } from "./plan.js";

type Match = NonNullable<CompareOptions["match"]>;

/** Relative difference that is left alone, and that an adjusted model must reach. */
const tolerance = 0.01;
const widest = 1 << 20;

/** A setting as a function of the width. */
interface Knob {
  readonly name: string;
  setting(width: number): string;
}

const countOf = (counts: Counts, match: Match): number =>
  match === "params" ? counts.parameters : counts.flops;
const say = (value: number, match: Match): string =>
  match === "params" ? `${count(value)} parameters` : `${flops(value)} a step`;
const off = (value: number, wanted: number): number => Math.abs(value - wanted) / wanted;

export async function matched(
  context: Context,
  variants: readonly PlannedVariant[],
  options: CompareOptions,
): Promise<readonly PlannedVariant[] | undefined> {
  const { match } = options;
  if (match === undefined) return variants;
  const [first, ...others] = variants;
  const wanted = countOf(first!.counts, match);
  const result = [first!];
  for (const variant of others) {
    const own = countOf(variant.counts, match);
    if (off(own, wanted) <= tolerance) {
      note(
        context,
        `--match: \`${variant.name}\` has ${say(own, match)}, \`${first!.name}\` ${say(wanted, match)}; nothing is changed`,
      );
      result.push(variant);
      continue;
    }
    const adjusted = await adjust(context, variant, first!, options, match);
    if (!adjusted) return undefined;
    result.push(adjusted);
  }
  return result;
}

async function adjust(
  context: Context,
  variant: PlannedVariant,
  first: PlannedVariant,
  options: CompareOptions,
  match: Match,
): Promise<PlannedVariant | undefined> {
  const wanted = countOf(first.counts, match);
  const own = countOf(variant.counts, match);
  const counts = `\`${variant.name}\` has ${say(own, match)}, \`${first.name}\` ${say(wanted, match)}`;
  const knob = knobOf(variant);
  if (!knob) return refuse(counts, "it has no argument `hidden` and no knob `ffn` that could be adjusted");
  if (settingsOf(options.set)[knob.name] !== undefined)
    return refuse(counts, `\`${knob.name}\` is given by --set and stays as it is`);
  const width = nearestWidth((tried) => counted(context, variant, knob.setting(tried), match), wanted);
  if (width === undefined) return refuse(counts, `no value of \`${knob.name}\` compiles and comes near`);
  const planned = await planVariant(context, variant, options, variant.plan.run.folder, knob.setting(width));
  if (!planned) return undefined;
  const reached = countOf(planned.counts, match);
  if (off(reached, wanted) > tolerance)
    return refuse(counts, `with \`${knob.setting(width)}\`, the nearest, it has ${say(reached, match)}`);
  note(
    context,
    `--match: \`${variant.name}\` is trained with \`${knob.setting(width)}\`: ${say(reached, match)} instead of ${say(own, match)}; \`${first.name}\` has ${say(wanted, match)}`,
  );
  return planned;
}

const refuse = (counts: string, why: string): never =>
  fail(
    "cannot-match",
    `--match: ${counts}; ${why}`,
    "set an argument of the model that makes them equal, or leave --match away",
  );

/** The whole number whose count is nearest; counts grow with the width. Undefined where nothing in reach compiles. */
export function nearestWidth(
  countAt: (width: number) => number | undefined,
  wanted: number,
): number | undefined {
  const known = new Map<number, number | undefined>();
  const at = (width: number): number | undefined => {
    if (!known.has(width)) known.set(width, countAt(width));
    return known.get(width);
  };
  let low = 0; // too narrow
  let high = 64;
  for (; high <= widest; high *= 2) {
    const found = at(high);
    if (found === undefined) return undefined;
    if (found >= wanted) break;
    low = high;
  }
  if (high > widest) return undefined;
  while (high - low > 1) {
    const middle = guess(low, high, at, wanted);
    const found = at(middle);
    if (found === undefined) return undefined;
    if (found >= wanted) high = middle;
    else low = middle;
  }
  const [below, above] = [low === 0 ? undefined : at(low), at(high)];
  return below !== undefined && wanted - below < (above ?? Number.POSITIVE_INFINITY) - wanted ? low : high;
}

/** Most counts are straight lines in the width, so the line through the ends mostly hits; the middle where it has no ends. */
function guess(low: number, high: number, at: (width: number) => number | undefined, wanted: number): number {
  const [below, above] = [low === 0 ? undefined : at(low), at(high)];
  const share =
    below === undefined || above === undefined || above <= below ? 0.5 : (wanted - below) / (above - below);
  return Math.min(high - 1, Math.max(low + 1, Math.round(low + share * (high - low))));
}

function counted(
  context: Context,
  { source, model, plan }: PlannedVariant,
  setting: string,
  match: Match,
): number | undefined {
  const { batch, length, settings } = plan.run.resolved;
  const imports = createImportResolver(context, dirname(source.file));
  const compiled = compile(source.text, {
    file: source.file,
    entry: model,
    settings: { ...settings, ...settingsOf([setting]) },
    resolve: imports.resolve,
  });
  const result = summary(compiled, { batch, length: length || undefined });
  return result && countOf({ parameters: result.parameters, flops: result.flops.train ?? 0 }, match);
}

// ----------------------------------------------------------------------- knobs

/** An argument `hidden` of the model, or the argument `hidden` of its knob `ffn`. */
function knobOf({ source, model }: PlannedVariant): Knob | undefined {
  const { chain, textOf } = readChain(source, model);
  if (chain.some(({ parameters }) => parameters.some(({ name }) => name.text === "hidden")))
    return { name: "hidden", setting: (width) => `hidden=${width}` };
  const ffn = chain.map((d) => saidBy(d, "ffn")).find((value) => value !== undefined);
  if (ffn?.kind !== "call") return undefined;
  return { name: "ffn", setting: (width) => `ffn=${withHidden(ffn, width, textOf)}` };
}

/** `mlp(hidden: 4 * d, act: gelu)`, 170 → `mlp(hidden: 170, act: gelu)`. */
function withHidden(call: CallExpression, width: number, textOf: (e: Expression) => string): string {
  const others = call.arguments.filter(({ name }) => name?.text !== "hidden");
  const rest = others.map(({ name, value }) => (name ? `${name.text}: ${textOf(value)}` : textOf(value)));
  return `${textOf(call.callee)}(${[`hidden: ${width}`, ...rest].join(", ")})`;
}
