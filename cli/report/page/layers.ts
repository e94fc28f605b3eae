/**
 * Norms of the runs → for every loop a chart over its layers at the chosen step, and a map of layers × steps a variant.
 */
import type { Column, PageData, PageNorms, PageVariant } from "../page-data.js";
import type { Line } from "./chart.js";
import { mean } from "./curves.js";
import { drawn, element } from "./dom.js";
import { shortNumber } from "./numbers.js";
import type { Paper } from "./palette.js";
import { colourOf, dashOf, faded, heatColour } from "./palette.js";

export type NormKind = "residual" | "gradient";

/** One loop: under which name each variant has it. */
export interface Place {
  readonly kind: NormKind;
  readonly title: string;
  /** By the variant's number; undefined where it has no such loop. */
  readonly names: readonly (string | undefined)[];
}

/** Loops of equal names belong together; where every variant has just one, those do. */
export function placesOf({ variants }: PageData, kind: NormKind): readonly Place[] {
  const names = variants.map(({ runs }) => [
    ...new Set(runs.flatMap(({ norms }) => norms.flatMap((at) => Object.keys(at[kind])))),
  ]);
  const all = [...new Set(names.flat())];
  if (all.length > 1 && names.every((own) => own.length <= 1))
    return [{ kind, title: all.join(", "), names: names.map(([name]) => name) }];
  return all.map((title) => ({ kind, title, names: names.map((own) => own.find((name) => name === title)) }));
}

/** All steps at which some run has norms. */
export const stepsOf = ({ variants }: PageData): readonly number[] =>
  [
    ...new Set(variants.flatMap(({ runs }) => runs.flatMap(({ norms }) => norms.map(({ step }) => step)))),
  ].sort((a, b) => a - b);

/** The mean over the seeds that have norms at this step; empty where none has. */
function profile({ runs }: PageVariant, kind: NormKind, name: string, step: number): Column {
  const found = runs.flatMap(({ norms }) =>
    norms.filter((at: PageNorms) => at.step === step).map((at) => at[kind][name] ?? []),
  );
  const longest = Math.max(0, ...found.map((values) => values.length));
  return Array.from({ length: longest }, (_, layer) => {
    const values = found.map((column) => column[layer]).filter((value) => typeof value === "number");
    return values.length > 0 ? mean(values) : null;
  });
}

/** The residual stream has a value before its first layer, numbered 0; gradients begin with layer 1. */
const firstLayer = (kind: NormKind): number => (kind === "residual" ? 0 : 1);

export function layerLines(
  { variants }: PageData,
  place: Place,
  steps: readonly number[],
  step: number,
  hidden: ReadonlySet<string>,
  paper: Paper,
): readonly Line[] {
  return variants.flatMap((variant, n) => {
    const name = place.names[n];
    if (name === undefined || hidden.has(String(n))) return [];
    const line = (y: Column, faint: boolean): Line => ({
      ...{ name: variant.name, series: String(n), y, faint },
      x: y.map((_, layer) => layer + firstLayer(place.kind)),
      ...{ colour: colourOf(n, paper), dash: dashOf(n) },
    });
    const before = step === steps[0] ? [] : [line(profile(variant, place.kind, name, steps[0]!), true)];
    return [...before, line(profile(variant, place.kind, name, step), false)];
  });
}

// ------------------------------------------------------------------------ maps

const margin = { left: 30, top: 2, right: 4, bottom: 20 };
/** What a map is stretched to, within bounds for one cell. */
const wanted = { width: 420, height: 110 };
const between = (low: number, value: number, high: number): number => Math.min(high, Math.max(low, value));

/** A map a variant, all on one logarithmic scale, and the scale itself. */
export function heatMaps(
  { variants }: PageData,
  place: Place,
  steps: readonly number[],
  hidden: ReadonlySet<string>,
  paper: Paper,
): HTMLElement {
  const maps = variants.flatMap((variant, n) => {
    const name = place.names[n];
    if (name === undefined || hidden.has(String(n))) return [];
    return [{ n, variant, columns: steps.map((step) => profile(variant, place.kind, name, step)) }];
  });
  const values = maps
    .flatMap(({ columns }) => columns.flat())
    .filter((value): value is number => typeof value === "number" && value > 0);
  if (values.length === 0) return element("div");
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const share = (value: number): number =>
    high === low ? 0.5 : Math.log(value / low) / Math.log(high / low);
  return element(
    "div",
    { class: "maps" },
    ...maps.map(({ n, variant, columns }) =>
      element(
        "div",
        { class: "map" },
        element("p", {}, variant.name),
        heatMap(
          columns,
          steps,
          place.kind,
          share,
          paper,
          `${variant.name}: norm by layer and step`,
          colourOf(n, paper),
        ),
      ),
    ),
    element("div", { class: "scale" }, scaleBar(low, high, paper)),
  );
}

function heatMap(
  columns: readonly Column[],
  steps: readonly number[],
  kind: NormKind,
  share: (value: number) => number,
  paper: Paper,
  label: string,
  colour: string,
): SVGElement {
  const rows = Math.max(...columns.map((column) => column.length));
  const tall = between(3, wanted.height / rows, 24);
  const broad = between(6, wanted.width / columns.length, 22);
  const [wide, high] = [columns.length * broad, rows * tall];
  const text = { fill: paper.ink, "font-size": 10, "font-family": "system-ui, sans-serif" };
  const rects = columns.flatMap((column, x) =>
    column.map((value, layer) => {
      const known = typeof value === "number" && value > 0;
      const tip = `layer ${layer + firstLayer(kind)}, step ${steps[x]}: ${shortNumber(value)}`;
      return drawn(
        "rect",
        {
          ...{ x: margin.left + x * broad, y: margin.top + (rows - 1 - layer) * tall },
          ...{ width: broad, height: tall },
          fill: known ? heatColour(share(value)) : faded(paper.ink, 0.12),
        },
        drawn("title", {}, tip),
      );
    }),
  );
  const every = Math.max(1, Math.ceil(rows / 8));
  const layers = Array.from({ length: rows }, (_, layer) => layer).filter((layer) => layer % every === 0);
  return drawn(
    "svg",
    {
      ...{ role: "img", "aria-label": label, class: "heat", "shape-rendering": "crispEdges" },
      viewBox: `0 0 ${margin.left + wide + margin.right} ${margin.top + high + margin.bottom}`,
      ...{ width: margin.left + wide + margin.right, height: margin.top + high + margin.bottom },
    },
    ...rects,
    drawn("rect", {
      ...{ x: margin.left, y: margin.top + high + 2, width: wide, height: 2, fill: colour },
    }),
    ...layers.map((layer) =>
      drawn(
        "text",
        {
          ...text,
          x: margin.left - 5,
          y: margin.top + (rows - layer - 0.5) * tall + 3.5,
          "text-anchor": "end",
        },
        String(layer + firstLayer(kind)),
      ),
    ),
    drawn("text", { ...text, x: margin.left, y: margin.top + high + 15 }, `step ${steps[0]}`),
    drawn(
      "text",
      { ...text, x: margin.left + wide, y: margin.top + high + 15, "text-anchor": "end" },
      String(steps.at(-1)),
    ),
    drawn(
      "text",
      { ...text, transform: `translate(9 ${margin.top + high / 2}) rotate(-90)`, "text-anchor": "middle" },
      "layer",
    ),
  );
}

function scaleBar(low: number, high: number, paper: Paper): SVGElement {
  const parts = 40;
  const text = { fill: paper.ink, "font-size": 10, "font-family": "system-ui, sans-serif", y: 24 };
  return drawn(
    "svg",
    {
      viewBox: "0 0 200 28",
      width: 200,
      height: 28,
      role: "img",
      "aria-label": "scale of the maps, logarithmic",
    },
    ...Array.from({ length: parts }, (_, n) =>
      drawn("rect", { x: n * 5, y: 0, width: 5.2, height: 11, fill: heatColour(n / (parts - 1)) }),
    ),
    drawn("text", { ...text, x: 0 }, shortNumber(low)),
    drawn("text", { ...text, x: 200, "text-anchor": "end" }, shortNumber(high)),
  );
}
