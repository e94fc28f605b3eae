/**
 * A comparison's results → report.html: one file that needs no network and allows itself none.
 *
 * Texts and tables are written here; the charts are drawn by the inlined script (`page/`) from the inlined data. The policy in its
 * head lets run exactly the script and the styles whose sums it names.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Manifest } from "../compare/manifest.js";
import type { VariantResult } from "../compare/results.js";
import { pageScript, pageStyle } from "./assets.js";
import type { Html } from "./html.js";
import { html, jsonText, nothing, rawText } from "./html.js";
import { mostPoints, pageDataOf } from "./page-data.js";
import { configurationSection, environmentSection, resultSection, sampleSection } from "./sections.js";

const require = createRequire(import.meta.url);
const uplotFile = (name: string): string =>
  readFileSync(require.resolve(`uplot/dist/${name}`), "utf8").trim();

const sumOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

export function reportPage(manifest: Manifest, variants: readonly VariantResult[]): string {
  const scripts = [uplotFile("uPlot.iife.min.js"), pageScript];
  const styles = [uplotFile("uPlot.min.css"), pageStyle];
  const policy = [
    "default-src 'none'",
    `script-src ${scripts.map(sumOf).join(" ")}`,
    `style-src ${styles.map(sumOf).join(" ")}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const data = pageDataOf(variants);
  const title = variants.map(({ name }) => name).join(" · ");
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
${styles.map((text) => html`<style>${rawText(text)}</style>`)}
</head>
<body>
<header><p class="eyebrow">tfmc compare</p><h1>${variants.map(({ name }, n) => html`${n > 0 ? html` <span class="against">·</span> ` : nothing}<span>${name}</span>`)}</h1>
<p class="lead">${leadText(manifest, variants)}</p></header>
<main>
${resultSection(manifest, variants)}
${chartSection(data.stepsPerPoint)}
${layerSection}
${configurationSection(variants)}
${sampleSection(variants)}
${environmentSection(manifest, variants)}
</main>
<script type="application/json" id="data">${jsonText(data)}</script>
${scripts.map((text) => html`<script>${rawText(text)}</script>`)}
</body>
</html>
`.html;
}

function leadText({ seeds }: Manifest, variants: readonly VariantResult[]): string {
  const resolved = variants[0]?.runs[0]?.resolved;
  if (!resolved) return "";
  const { steps, batch, length, data, task = "stream" } = resolved;
  const each = task === "stream" || task === "masked" ? `${batch} × ${length} tokens` : `${batch} examples`;
  const file = data.split(/[\\/]/).at(-1)!;
  return `${variants.length} ${variants.length === 1 ? "model" : "models"}, ${seeds} ${seeds === 1 ? "seed" : "seeds"} each, ${steps} steps of ${each} of ${file}`;
}

const radio = (group: string, value: string, label: string, checked: boolean): Html =>
  html`<label><input type="radio" name="${group}" value="${value}"${checked ? html` checked` : nothing}><span>${label}</span></label>`;

function chartSection(stepsPerPoint: number): Html {
  const means =
    stepsPerPoint === 1
      ? nothing
      : html`<p class="note">Each point of the training curves is the mean of ${stepsPerPoint} steps, so that a run has at most ${mostPoints}.</p>`;
  return html`<section aria-labelledby="curve-title"><h2 id="curve-title">Curves</h2>
<noscript><p class="note">The charts are drawn by a script, and scripts are off here.</p></noscript>
<div class="controls" role="group" aria-label="What the charts show">
<fieldset><legend>over</legend>${radio("x", "steps", "steps", true)}${radio("x", "seconds", "time", false)}${radio("x", "tokens", "tokens", false)}</fieldset>
<fieldset id="seeds"><legend>seeds</legend>${radio("seeds", "mean", "mean ± sd", true)}${radio("seeds", "each", "each", false)}</fieldset>
<label class="slider">smoothing <input type="range" id="smoothing" min="0" max="98" value="0"><output id="smoothing-value" for="smoothing">none</output></label>
<label class="check"><input type="checkbox" id="logarithmic"> log scale</label>
</div>
<div class="variants" id="variants" role="group" aria-label="Models shown"></div>
<div class="charts" id="curves"></div>${means}</section>`;
}

const layerSection: Html = html`<section id="layer-section" aria-labelledby="layer-title" hidden><h2 id="layer-title">Layer by layer</h2>
<p class="note">On one fixed batch, mean over seeds. The pale line is the first step, the strong one the chosen step. In the maps a brighter cell is a larger norm.</p>
<div class="controls" role="group" aria-label="Which step the layers are shown at">
<button type="button" id="norm-first">first</button>
<label class="slider">step <input type="range" id="norm-step" min="0" max="0" value="0"><output id="norm-step-value" for="norm-step"></output></label>
<button type="button" id="norm-last">last</button>
<label class="check"><input type="checkbox" id="norm-logarithmic" checked> log scale</label>
</div>
<div class="layers" id="layers"></div></section>`;
