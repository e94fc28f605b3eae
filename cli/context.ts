/**
 * What a command may touch: its streams, the common options, and the sources it has read so far.
 */
import type { Diagnostic } from "../compiler/diagnostics.js";
import { renderDiagnostic } from "../compiler/diagnostics.js";
import { librarySourceFiles } from "../compiler/ir/build.js";
import type { ExitCode, Failure } from "./failure.js";
import type { LiveLine, Sink, Style } from "./terminal.js";
import { createLiveLine, createStyle, wantsColor } from "./terminal.js";

/** The process as a command sees it; tests pass their own. */
export interface Host {
  readonly stdin: () => Promise<Uint8Array>;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly temporaryFolder: string;
  /** Calls `listener` at the first interrupt; the result stops listening. */
  onInterrupt(listener: () => void): () => void;
}

export interface CommonOptions {
  readonly device: "auto" | "webgpu" | "cpu";
  readonly seed: number | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
  readonly progress: boolean;
  readonly stdinFilepath: string;
}

export interface Context {
  readonly host: Host;
  readonly options: CommonOptions;
  /** For results (stdout) and for messages (stderr): each has colour or not. */
  readonly outStyle: Style;
  readonly style: Style;
  readonly live: LiveLine;
  /** Every source text read, by file name: frames of diagnostics, and the reproducer of an internal error. */
  readonly sources: Map<string, string>;
}

export function createContext(host: Host, options: CommonOptions, sources: Map<string, string>): Context {
  const styleFor = (sink: Sink): Style =>
    createStyle(wantsColor(options.color, host.environment, sink.terminal));
  return {
    host,
    options,
    outStyle: styleFor(host.stdout),
    style: styleFor(host.stderr),
    live: createLiveLine(host.stderr),
    sources,
  };
}

/** A result, to stdout. */
export function print(context: Context, text: string): void {
  context.live.clear();
  context.host.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** One JSON document, to stdout. */
export const printJson = (context: Context, document: Readonly<Record<string, unknown>>): void =>
  print(context, JSON.stringify({ schemaVersion: 1, ...document }, null, 2));

/** A message, to stderr; silent with -q. */
export function log(context: Context, text: string): void {
  if (context.options.quiet) return;
  context.live.clear();
  context.host.stderr.write(`${text}\n`);
}

export const note = (context: Context, text: string): void =>
  log(context, `${context.style.dim("note:")} ${text}`);

/** A warning, to stderr, also with -q. */
export function warn(context: Context, text: string): void {
  context.live.clear();
  context.host.stderr.write(`${context.style.yellow("warning:")} ${text}\n`);
}

export interface FailureDocument {
  readonly code: string;
  readonly severity: "error";
  readonly message: string;
  readonly file: string | undefined;
  readonly hint: string | undefined;
}

export const failureDocument = (failure: Failure): FailureDocument => ({
  code: failure.code,
  severity: "error",
  message: failure.message,
  file: failure.file,
  hint: failure.hint,
});

/** `error TFM5001: …` and its hint, as diagnostics look. */
export function failureText(failure: Pick<Failure, "code" | "message" | "hint">, style: Style): string {
  const head = `${style.red(style.bold(`error ${failure.code}`))}: ${failure.message}`;
  return failure.hint === undefined ? head : `${head}\n  = hint: ${failure.hint}`;
}

export const hasErrors = (diagnostics: readonly Diagnostic[]): boolean =>
  diagnostics.some((diagnostic) => diagnostic.severity === "error");

/** Diagnostics as text to stderr (warnings are left out with -q), or with --json as one document on stdout. */
export function reportDiagnostics(context: Context, diagnostics: readonly Diagnostic[]): ExitCode {
  const exit = hasErrors(diagnostics) ? 1 : 0;
  if (context.options.json && exit === 1) {
    printJson(context, { diagnostics });
    return exit;
  }
  context.live.clear();
  const sources = new Map([...librarySourceFiles(), ...context.sources]);
  for (const diagnostic of diagnostics) {
    if (diagnostic.severity === "warning" && context.options.quiet) continue;
    context.host.stderr.write(`${renderDiagnostic(diagnostic, sources, context.style)}\n`);
  }
  return exit;
}
