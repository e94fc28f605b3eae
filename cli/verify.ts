/**
 * `tfmc verify FILE [FILE2]`: the laws of a file and every pass of its models; then its programs on the device. Or that two files compute the same.
 */
import { dirname } from "node:path";
import type { Diagnostic } from "../compiler/diagnostics.js";
import { parse } from "../compiler/index.js";
import type { Subject, Verification, VerifiedModel } from "../compiler/laws/verify.js";
import { prepare, verifyPair, verifySource } from "../compiler/laws/verify.js";
import type { Context } from "./context.js";
import { hasErrors, log, print, printJson, reportDiagnostics } from "./context.js";
import type { ExitCode } from "./failure.js";
import { createImportResolver } from "./import-resolver.js";
import type { ModelOptions } from "./load.js";
import { compileSource, settingsOf } from "./load.js";
import type { AddCommand } from "./options.js";
import { several } from "./options.js";
import type { Source } from "./source.js";
import { readSource } from "./source.js";
import type { OnDevice } from "./verify/device.js";
import { compareOnDevice } from "./verify/device.js";

export const addVerify: AddCommand = (program, action) => {
  program
    .command("verify")
    .description("check laws and compilation by computing, or that two models are the same")
    .argument("<file>", "a `.tfm` or `.json` file, or - for standard input")
    .argument("[other]", "a file that is to compute the same")
    .option("--set <name=value>", "an argument of the model (repeatable)", several, [])
    .option("--model <name>", "this model of the file only")
    .action(action(verify));
};

interface Read {
  readonly source: Source;
  readonly subject: Subject;
  readonly diagnostics: readonly Diagnostic[];
}

async function verify(
  context: Context,
  path: string,
  other: string | undefined,
  options: ModelOptions,
): Promise<ExitCode> {
  const first = await readSubject(context, path, options);
  const second = other === undefined ? undefined : await readSubject(context, other, options);
  const broken = [...first.diagnostics, ...(second?.diagnostics ?? [])];
  if (hasErrors(broken)) return reportDiagnostics(context, broken);
  const seed = context.options.seed ?? 0;
  const verification = second
    ? verifyPair(first.subject, second.subject, { seed })
    : verifySource(first.subject, { seed });
  const devices =
    second ||
    verification.models.length === 0 ||
    verification.models.every(({ entries }) => entries.length === 0)
      ? []
      : await onDevice(context, first, verification, seed);
  const diagnostics = [...broken, ...verification.diagnostics, ...devices.flatMap((d) => d.diagnostics)];
  return report(context, { verification, devices, diagnostics, path, other });
}

async function readSubject(context: Context, path: string, { set, model }: ModelOptions): Promise<Read> {
  const source = await readSource(context, path);
  const { model: file, diagnostics } = parse(source.text, source.file);
  const imports = createImportResolver(context, dirname(source.file));
  // Imports are read where a model is built; what is wrong with them is known afterwards.
  const subject: Subject = { model: file, resolve: imports.resolve, entry: model, settings: settingsOf(set) };
  if (!hasErrors(diagnostics)) prepareImports(file, imports.resolve);
  return { source, subject, diagnostics: [...diagnostics, ...imports.diagnostics()] };
}

function prepareImports(file: Subject["model"], resolve: Subject["resolve"]): void {
  for (const d of file.declarations) if (d.kind === "import") resolve(d.path, file.file);
}

/** Models that were computed here, on the device; the others have been refused already. */
async function onDevice(
  context: Context,
  { subject, source }: Read,
  { models }: Verification,
  seed: number,
): Promise<readonly OnDevice[]> {
  const { prepared } = prepare(subject);
  const results: OnDevice[] = [];
  for (const one of prepared) {
    if (!models.some(({ name, entries }) => name === one.name && entries.length > 0)) continue;
    const compiled = compileSource(context, source, subject.settings ?? {}, { entry: one.name });
    if (compiled) results.push(await compareOnDevice(context, one, compiled.program, seed));
  }
  return results;
}

interface Report {
  readonly verification: Verification;
  readonly devices: readonly OnDevice[];
  readonly diagnostics: readonly Diagnostic[];
  readonly path: string;
  readonly other: string | undefined;
}

function report(context: Context, { verification, devices, diagnostics, path, other }: Report): ExitCode {
  const failed = hasErrors(diagnostics);
  const { seed, laws, models, pair } = verification;
  if (context.options.json) {
    printJson(context, {
      verified: !failed,
      seed,
      laws: laws.map(({ name, model, status, says }) => ({ name, model, status, says })),
      models: models.map(({ name, sizes, entries, passes }) => ({
        name,
        sizes,
        passes,
        entries: entries.map(({ entry, passes, outputs }) => ({ entry, passes, outputs })),
        device: devices.find((d) => d.name === name)?.device,
      })),
      pair,
      diagnostics,
    });
    return failed ? 1 : 0;
  }
  const lines = [
    ...laws.map(
      (law) => `law ${law.name} ${verdict(law.status)}${law.status === "holds" ? `: ${law.says}` : ""}`,
    ),
    ...models.flatMap((model) => modelLines(context, model, devices)),
    ...(pair && !failed
      ? [
          `${path} and ${other} compute the same: ${pair.map(({ entry, outputs }) => `${entry} (${outputs})`).join(", ")}`,
        ]
      : []),
  ];
  if (lines.length > 0) print(context, lines.join("\n"));
  reportDiagnostics(context, diagnostics);
  if (!failed && laws.length + models.length === 0 && !pair) log(context, "there is nothing to verify");
  return failed ? 1 : 0;
}

const verdict = (status: "holds" | "fails" | "refused"): string =>
  status === "holds" ? "holds" : status === "fails" ? "does not hold" : "could not be checked";

function modelLines(
  context: Context,
  { name, sizes, entries, passes: all }: VerifiedModel,
  devices: readonly OnDevice[],
): readonly string[] {
  if (entries.length === 0) return [];
  const at = Object.entries(sizes).map(([axis, size]) => `${axis} = ${size}`);
  const lines = entries.map(({ entry, passes, outputs }) => {
    const which = context.options.verbose ? `: ${passes.join(", ")}` : "";
    return `  ${entry}: ${plural(outputs, "output")} through ${plural(passes.length, "pass")}${which}`;
  });
  const rewrites = all.flatMap(({ pass, rewrites: count }) => (count > 0 ? [`${pass} ${count}`] : []));
  const device = devices.find((d) => d.name === name);
  return [
    `model ${name} (${at.join(", ")})`,
    ...lines,
    ...(rewrites.length > 0 ? [`  rewrites: ${rewrites.join(", ")}`] : []),
    ...(device ? [`  on ${device.device}: ${device.entries.join(", ")}`] : []),
  ];
}

const plural = (count: number, what: string): string =>
  count === 1 ? `1 ${what}` : `${count} ${what === "pass" ? "passes" : `${what}s`}`;
