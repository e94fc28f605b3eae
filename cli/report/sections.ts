/**
 * Results → the parts of the page that are text: they are there with no script.
 */
import { shellText, trainCommand } from "../compare/command.js";
import type { Manifest } from "../compare/manifest.js";
import type { VariantResult } from "../compare/results.js";
import { lastSteps } from "../compare/results.js";
import { cellsOf, columns } from "../compare/table.js";
import { bytes } from "../terminal.js";
import type { Row } from "./differences.js";
import { differs, rowsOf } from "./differences.js";
import type { Html } from "./html.js";
import { html, nothing } from "./html.js";
import { lineDifferences } from "./line-differences.js";

export function resultSection(manifest: Manifest, variants: readonly VariantResult[]): Html {
  const best = bestOf(variants);
  const rows = variants.map(
    (variant) =>
      html`<tr${variant === best ? html` class="best"` : nothing}>${cellsOf(variant).map((cell, n) =>
        n === 0 ? html`<th scope="row">${cell}</th>` : html`<td>${cell}</td>`,
      )}</tr>`,
  );
  return html`<section aria-labelledby="results"><h2 id="results">Results</h2>
<div class="scroll"><table class="numbers"><thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>
<p class="note">${noteText(manifest, variants)}</p></section>`;
}

/** The smallest mean of the last validation. */
function bestOf(variants: readonly VariantResult[]): VariantResult | undefined {
  const scored = variants.filter(({ finalValidation }) => finalValidation !== undefined);
  if (scored.length < 2) return undefined;
  return scored.reduce((a, b) => (b.finalValidation!.mean < a.finalValidation!.mean ? b : a));
}

function noteText({ seeds, match, sameData }: Manifest, variants: readonly VariantResult[]): string {
  const matched = variants.flatMap(({ name, adjusted }) =>
    adjusted === null ? [] : [`${name}: ${adjusted}`],
  );
  return [
    seeds === 1 ? "One seed." : `Mean ± sample standard deviation over ${seeds} seeds that did not diverge.`,
    `Training is the mean over the last ${lastSteps} batches, tokens/s the median over all steps.`,
    sameData
      ? "For equal seeds all variants read the same batches in the same order."
      : "The variants do not read the same batches: see the configurations.",
    match === null
      ? ""
      : `Counts matched by ${match}${matched.length > 0 ? ` (${matched.join("; ")})` : ""}.`,
  ]
    .filter((text) => text !== "")
    .join(" ");
}

// ---------------------------------------------------------------- configurations

function rowTable(variants: readonly VariantResult[], rows: readonly Row[]): Html {
  const body = rows.map(
    ({ key, values }) =>
      html`<tr><th scope="row">${key}</th>${values.map((value) => html`<td>${value}</td>`)}</tr>`,
  );
  return html`<div class="scroll"><table class="configuration"><thead><tr><th scope="col">setting</th>${variants.map(
    ({ name }) => html`<th scope="col">${name}</th>`,
  )}</tr></thead><tbody>${body}</tbody></table></div>`;
}

export function configurationSection(variants: readonly VariantResult[]): Html {
  const rows = rowsOf(variants);
  const different = rows.filter(differs);
  const texts = variants.map((variant) => textDifference(variants[0]!, variant));
  return html`<section aria-labelledby="configurations"><h2 id="configurations">What differs</h2>
${different.length > 0 ? rowTable(variants, different) : html`<p>No setting differs.</p>`}
${texts}
<details><summary>All settings (${rows.length})</summary>${rowTable(variants, rows)}</details>
</section>`;
}

/** Lines of a model's declaration against the first one's. */
function textDifference(first: VariantResult, { name, file, text }: VariantResult): Html {
  if (first.text === text) return nothing;
  const marks = { both: " ", before: "−", after: "+" } as const;
  const lines = lineDifferences(first.text, text).map(
    (line) => html`<span class="${line.where}">${marks[line.where]} ${line.text}
</span>`,
  );
  return html`<details><summary>${file}: ${name} against ${first.name}</summary><pre class="difference">${lines}</pre></details>`;
}

// --------------------------------------------------------------------- the rest

export function sampleSection(variants: readonly VariantResult[]): Html {
  const samples = variants.map(({ name, runs }) => {
    const texts = runs.map(({ seed, outcome }) => {
      const text = outcome?.sample ?? (outcome ? `diverged at step ${outcome.step}` : "not finished");
      return html`<figure class="sample"><figcaption>seed ${seed}</figcaption><pre>${text}</pre></figure>`;
    });
    const more =
      texts.length > 1 ? html`<details><summary>other seeds</summary>${texts.slice(1)}</details>` : nothing;
    return html`<article><h3>${name}</h3>${texts.slice(0, 1)}${more}</article>`;
  });
  return html`<section aria-labelledby="samples"><h2 id="samples">What they write</h2>
<p class="note">${sampleNote(variants)}</p>
<div class="samples">${samples}</div></section>`;
}

function sampleNote(variants: readonly VariantResult[]): string {
  const { task = "stream" } = variants[0]?.runs[0]?.resolved ?? {};
  return task === "stream"
    ? "After the last step, from the first token of the training text, at temperature 0.7."
    : "After the last step, on the first examples kept for validation; what is right stands in brackets where it differs.";
}

export function environmentSection(
  { command, compiler }: Manifest,
  variants: readonly VariantResult[],
): Html {
  const runs = variants.flatMap((variant) => variant.runs);
  const rows = [
    ...new Map(runs.map(({ environment }) => [JSON.stringify(environment), environment])).values(),
  ].map((environment) => html`<dl>${environmentRows(environment)}</dl>`);
  const commands = variants.flatMap(({ name, runs: own }) =>
    own[0] ? [html`<dt>${name}</dt><dd><code>${shellText(trainCommand(own[0].resolved))}</code></dd>`] : [],
  );
  return html`<section aria-labelledby="environment"><h2 id="environment">Made with</h2>
<p>tfmc ${compiler}</p>${rows}
<h3>To make it again</h3><pre class="command">${shellText(command)}</pre>
<details><summary>One run of each by itself</summary><dl class="commands">${commands}</dl></details></section>`;
}

function environmentRows(environment: Readonly<Record<string, unknown>>): readonly Html[] {
  const { device, memory, ...rest } = environment;
  const about = typeof device === "object" && device !== null ? device : {};
  const flat = {
    ...Object.fromEntries(Object.entries(about).map(([key, value]) => [`device ${key}`, value])),
    ...rest,
    ...(typeof memory === "number" && { memory: bytes(memory) }),
  };
  return Object.entries(flat).flatMap(([key, value]) =>
    value === null || value === undefined || value === "" || typeof value === "object"
      ? []
      : [html`<dt>${key}</dt><dd>${String(value)}</dd>`],
  );
}
