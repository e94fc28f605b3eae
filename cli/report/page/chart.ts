/**
 * Lines over one axis → a chart by uPlot, its legend with the values under the cursor, and arrow keys that move it.
 */
import type UPlot from "uplot";
import type { Column } from "../page-data.js";
import { lastKnown } from "./curves.js";
import { element, swatch } from "./dom.js";
import { logTicks, shortNumber } from "./numbers.js";
import type { Paper } from "./palette.js";
import { faded } from "./palette.js";

declare const uPlot: typeof UPlot;

export interface Line {
  readonly name: string;
  readonly x: Column;
  readonly y: Column;
  /** Half the height of the band around the line. */
  readonly deviation?: Column | undefined;
  readonly colour: string;
  readonly dash: readonly number[];
  /** Drawn thin and pale behind the others, and not in the legend. */
  readonly faint?: boolean;
  /** Lines of one series share a legend entry: the first one's values are shown. */
  readonly series: string;
  /** A cross at its end: the run diverged. */
  readonly ends?: boolean;
}

export interface ChartSpec {
  readonly lines: readonly Line[];
  readonly xTitle: string;
  readonly xText: (value: number) => string;
  readonly wholeX?: boolean;
  readonly logarithmic: boolean;
  readonly paper: Paper;
  /** Charts with the same key move their cursors together. */
  readonly group: string;
  readonly onToggle?: (series: string) => void;
}

export interface Chart {
  readonly element: HTMLElement;
  draw(spec: ChartSpec): void;
}

const height = 250;

export function createChart(title: string, about: string): Chart {
  const plot = element("div", { class: "plot", tabindex: "0", role: "img" });
  const at = element("p", { class: "at" });
  const legend = element("ul", { class: "legend" });
  const empty = element("p", { class: "empty", hidden: "" }, "Nothing was recorded for this chart.");
  const figure = element(
    "figure",
    {},
    element("figcaption", {}, element("strong", {}, title), ` ${about}`),
    plot,
    empty,
    at,
    legend,
  );
  let chart: UPlot | undefined;
  plot.addEventListener("keydown", (event) => {
    if (chart && moveCursor(chart, event.key)) event.preventDefault();
  });
  new ResizeObserver(() => {
    if (chart && plot.clientWidth > 0) chart.setSize({ width: plot.clientWidth, height });
  }).observe(plot);
  return {
    element: figure,
    draw(spec) {
      chart?.destroy();
      chart = undefined;
      const { lines } = spec;
      const data = aligned(lines, spec.logarithmic);
      const nothing = !data.columns.some((column) => column.some((value) => value !== null));
      empty.hidden = !nothing;
      plot.hidden = nothing;
      at.textContent = "";
      legend.replaceChildren();
      if (nothing) return;
      const values = legendEntries(legend, spec);
      const show = (index: number | null | undefined): void => {
        at.textContent =
          index === null || index === undefined ? "" : `${spec.xTitle} ${spec.xText(data.x[index]!)}`;
        for (const { line, output } of values) output.textContent = valueText(line, data.x[index ?? -1]);
      };
      plot.setAttribute("aria-label", description(title, spec));
      chart = new uPlot(
        optionsOf(spec, data, plot.clientWidth || 600, show),
        [data.x, ...data.columns] as UPlot.AlignedData,
        plot,
      );
      show(null);
    },
  };
}

// ------------------------------------------------------------------------ data

interface Aligned {
  readonly x: readonly number[];
  /** A line's values, then where it has a band its upper and lower edges. */
  readonly columns: readonly Column[];
}

function aligned(lines: readonly Line[], logarithmic: boolean): Aligned {
  const all = new Set<number>();
  for (const { x } of lines) for (const value of x) if (value !== null) all.add(value);
  const x = [...all].sort((a, b) => a - b);
  const place = new Map(x.map((value, n) => [value, n]));
  const columns = lines.flatMap((line) => {
    const spread = (values: (n: number) => number | null): Column => {
      const column: (number | null)[] = new Array(x.length).fill(null);
      line.x.forEach((at, n) => {
        const value = values(n);
        if (at !== null && value !== null && !(logarithmic && value <= 0)) column[place.get(at)!] = value;
      });
      return column;
    };
    const middle = spread((n) => line.y[n] ?? null);
    const { deviation } = line;
    if (!deviation) return [middle];
    const edge = (sign: number) =>
      spread((n) => {
        const [y, half] = [line.y[n], deviation[n]];
        return typeof y === "number" && typeof half === "number" ? y + sign * half : null;
      });
    return [middle, edge(1), edge(-1)];
  });
  return { x, columns };
}

/** The line's point nearest to where the cursor is: lines have points at different places. */
function nearestPoint({ x, y }: Line, at: number): number {
  let best = -1;
  x.forEach((place, n) => {
    if (place === null || y[n] === null) return;
    if (best < 0 || Math.abs(place - at) < Math.abs(x[best]! - at)) best = n;
  });
  return best;
}

/** The value under the cursor, or the last one. */
function valueText(line: Line, at: number | undefined): string {
  const point = at === undefined ? lastKnown(line.y) : nearestPoint(line, at);
  const [value, half] = [line.y[point], line.deviation?.[point]];
  return typeof half === "number" && half > 0
    ? `${shortNumber(value)} ± ${shortNumber(Number(half.toPrecision(2)))}`
    : shortNumber(value);
}

// ---------------------------------------------------------------------- legend

function legendEntries(legend: HTMLElement, { lines, onToggle }: ChartSpec) {
  const shown = new Map<string, Line>();
  for (const line of lines) if (!line.faint && !shown.has(line.series)) shown.set(line.series, line);
  return [...shown.values()].map((line) => {
    const output = element("span", { class: "value" });
    const entry = element(
      "li",
      {},
      swatch(line.colour, line.dash),
      element("span", { class: "name" }, line.name),
      output,
    );
    if (onToggle) entry.addEventListener("click", () => onToggle(line.series));
    legend.append(entry);
    return { line, output };
  });
}

function description(title: string, { lines, xTitle }: ChartSpec): string {
  const ends = lines
    .filter(({ faint }) => !faint)
    .map(({ name, y }) => `${name} ends at ${shortNumber(y[lastKnown(y)])}`);
  return `${title} over ${xTitle}. ${ends.join(", ")}. Arrow keys move the cursor.`;
}

// ----------------------------------------------------------------------- uPlot

function optionsOf(
  spec: ChartSpec,
  { x }: Aligned,
  width: number,
  show: (index: number | null | undefined) => void,
): UPlot.Options {
  const { lines, paper, logarithmic, group } = spec;
  const series: UPlot.Series[] = [{}];
  const bands: UPlot.Band[] = [];
  for (const line of lines) {
    series.push({
      stroke: line.faint ? faded(line.colour, 0.28) : line.colour,
      width: line.faint ? 1 : 2,
      dash: line.faint ? [] : [...line.dash],
      spanGaps: true,
      points: { show: x.length <= 40 && !line.faint, size: 5, fill: line.colour },
    });
    if (!line.deviation) continue;
    const edge: UPlot.Series = { stroke: "transparent", width: 0, spanGaps: true, points: { show: false } };
    bands.push({
      series: [series.length, series.length + 1],
      fill: faded(line.colour, paper.dark ? 0.25 : 0.18),
    });
    series.push(edge, edge);
  }
  const axis = {
    stroke: paper.ink,
    grid: { stroke: paper.grid, width: 1 },
    ticks: { stroke: paper.grid, width: 1 },
  };
  return {
    ...{ width, height, series, bands, legend: { show: false } },
    scales: { x: { time: false, range: (_, low, high) => padded(low, high) }, y: yScale(logarithmic) },
    axes: [
      {
        ...axis,
        ...{ label: spec.xTitle, labelSize: 18, labelGap: 0, size: 30, font: axisFont, labelFont: axisFont },
        values: (_, splits) => splits.map(spec.xText),
        ...(spec.wholeX && { incrs: [1, 2, 5, 10, 20, 50, 100] }),
      },
      {
        ...axis,
        ...{ size: 62, font: axisFont },
        values: (_, splits) => splits.map(shortNumber),
        ...(logarithmic && logarithmicAxis),
      },
    ],
    cursor: { sync: { key: group }, y: false, points: { size: 7 } },
    hooks: {
      setCursor: [(chart) => show(chart.cursor.idx)],
      draw: [(chart) => drawEnds(chart, lines)],
    },
  };
}

const logarithmicAxis: UPlot.Axis = {
  splits: (_, __, low, high) => logTicks(low, high),
  filter: (_, splits) => splits,
};

const axisFont = "12px system-ui, sans-serif";

const padded = (low: number, high: number): [number, number] =>
  low === high ? [low - 1, high + 1] : [low, high];

function yScale(logarithmic: boolean): UPlot.Scale {
  if (!logarithmic) return {};
  const range = (_: UPlot, low: number, high: number): [number, number] => {
    const room = (high / low) ** 0.04;
    return low === high ? [low * 0.9, high * 1.1] : [low / room, high * room];
  };
  return { distr: 3, range };
}

/** A cross where a run diverged. */
function drawEnds(chart: UPlot, lines: readonly Line[]): void {
  const { ctx } = chart;
  const size = 5 * devicePixelRatio;
  for (const line of lines) {
    const last = lastKnown(line.y);
    const [x, y] = [line.x[last], line.y[last]];
    if (!line.ends || typeof x !== "number" || typeof y !== "number") continue;
    const [left, above] = [chart.valToPos(x, "x", true), chart.valToPos(y, "y", true)];
    ctx.save();
    ctx.strokeStyle = line.colour;
    ctx.lineWidth = 2.5 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(left - size, above - size);
    ctx.lineTo(left + size, above + size);
    ctx.moveTo(left - size, above + size);
    ctx.lineTo(left + size, above - size);
    ctx.stroke();
    ctx.restore();
  }
}

/** Whether the key was one that moves the cursor. */
function moveCursor(chart: UPlot, key: string): boolean {
  const [x] = chart.data;
  const last = x.length - 1;
  const now = chart.cursor.idx ?? last;
  const far = Math.max(1, Math.round(x.length / 20));
  const moves: Readonly<Record<string, number>> = {
    ArrowLeft: now - 1,
    ArrowRight: now + 1,
    PageUp: now - far,
    PageDown: now + far,
    Home: 0,
    End: last,
  };
  const index = moves[key];
  if (index === undefined) return false;
  const within = Math.min(last, Math.max(0, index));
  chart.setCursor({ left: chart.valToPos(x[within]!, "x"), top: chart.over.clientHeight / 2 });
  return true;
}
