/**
 * Findings → workflow commands of GitHub Actions, which show them beside the lines of a pull request.
 *
 * ```
 * ::error file=nano.tfm,line=3,col=7,endLine=3,endColumn=17,title=TFM2001::`layer_nrom` is not a name here.%0ADid you …
 * ```
 */
import type { Finding } from "../findings.js";
import type { Places } from "./places.js";

export const githubCommands = (findings: readonly Finding[], places: Places): string =>
  findings.map((finding) => command(finding, places)).join("\n");

function command(finding: Finding, places: Places): string {
  const { code, severity, message, hint } = finding;
  const properties = { ...placeOf(finding, places), title: code };
  const given = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(String(value))}`);
  return `::${severity} ${given.join(",")}::${escapeData(hint === undefined ? message : `${message}\n${hint}`)}`;
}

function placeOf(finding: Finding, places: Places): Readonly<Record<string, string | number>> {
  if (!("span" in finding)) return finding.file === undefined ? {} : { file: places.path(finding.file) };
  const region = places.region(finding.span);
  const file = places.path(finding.span.file);
  if (!region) return { file };
  const { startLine, startColumn, endLine, endColumn } = region;
  return { file, line: startLine, col: startColumn, endLine, endColumn };
}

const escapeData = (text: string): string =>
  text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
const escapeProperty = (text: string): string =>
  escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
