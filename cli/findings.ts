/**
 * What a command found wrong → text for people, or a document or commands for a machine, as `--format` says.
 *
 * ```
 * pretty   stderr   error TFM2001: … with the source line
 * json     stdout   { "schemaVersion": 1, "diagnostics": […] }       as --json
 * sarif    stdout   SARIF 2.1.0, for code scanning
 * github   stdout   ::error file=nano.tfm,line=3,…::…                annotations of a workflow
 * ```
 */
import { Option } from "commander";
import type { Diagnostic } from "../compiler/diagnostics.js";
import type { Context, FailureDocument } from "./context.js";
import { failureText, print, printJson, reportDiagnostics } from "./context.js";
import { githubCommands } from "./findings/github.js";
import { createPlaces } from "./findings/places.js";
import { sarifLog } from "./findings/sarif.js";

export const formats = ["pretty", "json", "sarif", "github"] as const;
export type Format = (typeof formats)[number];
/** A diagnostic has a place in a source; a failure has at most a file. */
export type Finding = Diagnostic | FailureDocument;

export const formatOption = (): Option =>
  new Option("--format <format>", "how what is wrong is reported; pretty unless --json").choices(formats);

export const formatOf = (context: Context, asked: Format | undefined): Format =>
  asked ?? (context.options.json ? "json" : "pretty");

/** Everything a command found, once, in the order of the files. */
export function reportFindings(context: Context, findings: readonly Finding[], format: Format): void {
  switch (format) {
    case "pretty":
      for (const finding of findings) reportPretty(context, finding);
      return;
    case "json":
      printJson(context, { diagnostics: findings });
      return;
    case "sarif":
      print(context, JSON.stringify(sarifLog(findings, createPlaces(context.sources)), null, 2));
      return;
    case "github":
      if (findings.length > 0) print(context, githubCommands(findings, createPlaces(context.sources)));
      return;
    default:
      throw new Error(`internal: format ${format satisfies never}`);
  }
}

function reportPretty(context: Context, finding: Finding): void {
  if (isDiagnostic(finding)) reportDiagnostics(context, [finding]);
  else context.host.stderr.write(`${failureText(finding, context.style)}\n`);
}

export const isDiagnostic = (finding: Finding): finding is Diagnostic => "span" in finding;

export const hasErrors = (findings: readonly Finding[]): boolean =>
  findings.some(({ severity }) => severity === "error");
