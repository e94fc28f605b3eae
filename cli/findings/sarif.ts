/**
 * Findings → a log in SARIF 2.1.0 (OASIS), which code scanning and editors read.
 *
 * ```
 * runs[0].tool.driver.rules   one a code, with its explanation as help
 * runs[0].results             place, message, other places, and the fix as a replacement
 * ```
 */
import type { Diagnostic } from "../../compiler/diagnostics.js";
import type { Span } from "../../compiler/parser/model.js";
import { version } from "../../compiler/version.js";
import type { Finding } from "../findings.js";
import { meaningOf } from "../meaning.js";
import type { Places } from "./places.js";

type Json = Readonly<Record<string, unknown>>;

export function sarifLog(findings: readonly Finding[], places: Places): Json {
  const codes = [...new Set(findings.map(({ code }) => code))].sort();
  const driver = { name: "tfmc", semanticVersion: version, rules: codes.map(rule) };
  const results = findings.map((finding) => resultOf(finding, codes.indexOf(finding.code), places));
  return {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [{ tool: { driver }, columnKind: "utf16CodeUnits", results }],
  };
}

function rule(code: string): Json {
  const { title, explanation, severity } = meaningOf(code)!;
  return {
    id: code,
    shortDescription: { text: title },
    fullDescription: { text: explanation },
    help: { text: `${explanation}\n\n\`tfmc explain ${code}\` shows an example.` },
    defaultConfiguration: { level: severity },
  };
}

function resultOf(finding: Finding, ruleIndex: number, places: Places): Json {
  const { code, severity, message, hint } = finding;
  const text = hint === undefined ? message : `${message}\n${hint}`;
  const head = { ruleId: code, ruleIndex, level: severity, message: { text } };
  if (!("span" in finding)) return { ...head, ...fileOf(finding.file, places) };
  return {
    ...head,
    locations: [{ physicalLocation: locationOf(finding.span, places) }],
    ...relatedOf(finding, places),
    ...fixesOf(finding, places),
  };
}

const fileOf = (file: string | undefined, places: Places): Json =>
  file === undefined ? {} : { locations: [{ physicalLocation: { artifactLocation: places.uri(file) } }] };

function locationOf(span: Span, places: Places): Json {
  const region = places.region(span);
  return { artifactLocation: places.uri(span.file), ...(region && { region }) };
}

function relatedOf({ related }: Diagnostic, places: Places): Json {
  if (related.length === 0) return {};
  const locations = related.map(({ message, span }, id) => ({
    id,
    message: { text: message },
    physicalLocation: locationOf(span, places),
  }));
  return { relatedLocations: locations };
}

function fixesOf({ fix }: Diagnostic, places: Places): Json {
  const deletedRegion = fix && places.region(fix.span);
  if (!fix || !deletedRegion) return {};
  const replacements = [{ deletedRegion, insertedContent: { text: fix.replacement } }];
  const change = { artifactLocation: places.uri(fix.span.file), replacements };
  return { fixes: [{ description: { text: fix.message }, artifactChanges: [change] }] };
}
