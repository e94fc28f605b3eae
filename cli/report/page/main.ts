/**
 * The page comes alive: the data it carries, its controls, its charts.
 */
import type { PageData } from "../page-data.js";
import type { Chart, ChartSpec, Line } from "./chart.js";
import { createChart } from "./chart.js";
import type { Quantity, View, XAxis } from "./curves.js";
import { meanCurve, runCurve } from "./curves.js";
import { element, find, swatch } from "./dom.js";
import type { Place } from "./layers.js";
import { heatMaps, layerLines, placesOf, stepsOf } from "./layers.js";
import { clockText, countText } from "./numbers.js";
import type { Paper } from "./palette.js";
import { colourOf, darkPaper, dashOf, lightPaper } from "./palette.js";

const data = JSON.parse(find("data").textContent ?? "") as PageData;
const severalSeeds = data.variants.some(({ runs }) => runs.length > 1);

// ---------------------------------------------------------------------- state

interface State extends View {
  readonly logarithmic: boolean;
  readonly eachSeed: boolean;
  /** Numbers of the variants that are not shown. */
  readonly hidden: ReadonlySet<string>;
  /** The number of the step whose norms are shown. */
  readonly normStep: number;
  readonly logarithmicNorms: boolean;
}

const normSteps = stepsOf(data);
let state: State = {
  x: "steps",
  smoothing: 0,
  logarithmic: false,
  eachSeed: false,
  hidden: new Set(),
  normStep: Math.max(0, normSteps.length - 1),
  logarithmicNorms: true,
};

function change(part: Partial<State>): void {
  state = { ...state, ...part };
  draw();
}

function toggle(series: string): void {
  const hidden = new Set(state.hidden);
  if (!hidden.delete(series)) hidden.add(series);
  change({ hidden });
}

// --------------------------------------------------------------------- controls

function listen<T extends HTMLElement>(id: string, type: string, heard: (target: T) => void): void {
  const target = find<T>(id);
  target.addEventListener(type, () => heard(target));
}

function connectControls(): void {
  for (const input of document.querySelectorAll<HTMLInputElement>("input[name=x]"))
    input.addEventListener("change", () => change({ x: input.value as XAxis }));
  for (const input of document.querySelectorAll<HTMLInputElement>("input[name=seeds]"))
    input.addEventListener("change", () => change({ eachSeed: input.value === "each" }));
  find<HTMLElement>("seeds").hidden = !severalSeeds;
  listen<HTMLInputElement>("smoothing", "input", ({ value }) => change({ smoothing: Number(value) / 100 }));
  listen<HTMLInputElement>("logarithmic", "change", ({ checked }) => change({ logarithmic: checked }));
  if (normSteps.length === 0) return;
  const slider = find<HTMLInputElement>("norm-step");
  slider.max = String(normSteps.length - 1);
  slider.value = slider.max;
  listen<HTMLInputElement>("norm-step", "input", ({ value }) => change({ normStep: Number(value) }));
  listen("norm-first", "click", () => change({ normStep: 0 }));
  listen("norm-last", "click", () => change({ normStep: normSteps.length - 1 }));
  listen<HTMLInputElement>("norm-logarithmic", "change", ({ checked }) =>
    change({ logarithmicNorms: checked }),
  );
}

/** Buttons that hide and show a variant everywhere. */
function drawVariants(paper: Paper): void {
  const focused = (document.activeElement as HTMLElement | null)?.dataset["series"];
  const buttons = data.variants.map(({ name }, n) => {
    const pressed = String(!state.hidden.has(String(n)));
    const button = element(
      "button",
      { type: "button", "aria-pressed": pressed, "data-series": String(n), title: name },
      swatch(colourOf(n, paper), dashOf(n)),
      element("span", { class: "name" }, name),
    );
    button.addEventListener("click", () => toggle(String(n)));
    return button;
  });
  find("variants").replaceChildren(...buttons);
  buttons.find((button) => button.dataset["series"] === focused)?.focus();
}

// ------------------------------------------------------------------------ curves

const axes: Readonly<Record<XAxis, Pick<ChartSpec, "xTitle" | "xText">>> = {
  steps: { xTitle: "step", xText: countText },
  seconds: { xTitle: "training time", xText: clockText },
  tokens: { xTitle: "tokens", xText: countText },
};

const quantities: readonly { readonly quantity: Quantity; readonly title: string; readonly about: string }[] =
  [
    { quantity: "validation", title: "Validation loss", about: "nats a token" },
    { quantity: "loss", title: "Training loss", about: "of each batch, nats a token" },
    { quantity: "gradientNorm", title: "Gradient norm", about: "over all parameters, before clipping" },
    { quantity: "learningRate", title: "Learning rate", about: "" },
  ];

function curveLines(quantity: Quantity, paper: Paper): readonly Line[] {
  return data.variants.flatMap((variant, n): readonly Line[] => {
    if (state.hidden.has(String(n))) return [];
    const style = { colour: colourOf(n, paper), dash: dashOf(n), series: String(n), name: variant.name };
    const raw = { ...state, smoothing: 0 };
    const pale = state.smoothing > 0 && (quantity === "loss" || quantity === "gradientNorm");
    const crosses = variant.runs.flatMap((run): readonly Line[] =>
      run.divergedAt === null ? [] : [{ ...style, ...runCurve(run, quantity, raw), faint: true, ends: true }],
    );
    if (state.eachSeed)
      return variant.runs.flatMap((run): readonly Line[] => [
        ...(pale ? [{ ...style, ...runCurve(run, quantity, raw), faint: true }] : []),
        { ...style, ...runCurve(run, quantity, state), ends: run.divergedAt !== null },
      ]);
    const behind = pale
      ? [{ ...style, ...meanCurve(variant, quantity, raw), deviation: undefined, faint: true }]
      : [];
    const middle = meanCurve(variant, quantity, state);
    const banded = middle.deviation.some((value) => value !== null && value > 0);
    return [...crosses, ...behind, { ...style, ...middle, deviation: banded ? middle.deviation : undefined }];
  });
}

// ------------------------------------------------------------------------ charts

const curveCharts = quantities.map((row) => ({ ...row, chart: createChart(row.title, row.about) }));

interface LayerChart {
  readonly place: Place;
  readonly chart: Chart;
  readonly maps: HTMLElement;
}

const layerChart = (place: Place): LayerChart => {
  const what = place.kind === "residual" ? "Norm of the residual stream" : "Gradient norm by layer";
  const about =
    place.kind === "residual"
      ? `${place.title}: root mean square; 0 is what enters`
      : `${place.title}: over all parameters of a layer`;
  return { place, chart: createChart(what, about), maps: element("div") };
};
const layerCharts = [...placesOf(data, "residual"), ...placesOf(data, "gradient")].map(layerChart);

function draw(paper: Paper = currentPaper()): void {
  drawVariants(paper);
  find("smoothing-value").textContent = state.smoothing === 0 ? "none" : state.smoothing.toFixed(2);
  for (const { quantity, chart } of curveCharts)
    chart.draw({
      ...axes[state.x],
      lines: curveLines(quantity, paper),
      logarithmic: state.logarithmic,
      ...{ paper, group: "curves", onToggle: toggle },
    });
  if (normSteps.length > 0) drawLayers(paper);
}

function drawLayers(paper: Paper): void {
  const step = normSteps[state.normStep]!;
  find<HTMLInputElement>("norm-step").value = String(state.normStep);
  find("norm-step").setAttribute("aria-valuetext", `step ${step}`);
  find("norm-step-value").textContent = `step ${step}`;
  for (const { place, chart, maps } of layerCharts) {
    chart.draw({
      ...{ xTitle: "layer", xText: (value) => (Number.isInteger(value) ? String(value) : ""), wholeX: true },
      lines: layerLines(data, place, normSteps, step, state.hidden, paper),
      logarithmic: state.logarithmicNorms,
      ...{ paper, group: `layers ${place.kind} ${place.title}`, onToggle: toggle },
    });
    maps.replaceChildren(heatMaps(data, place, normSteps, state.hidden, paper));
  }
}

// ------------------------------------------------------------------------- paper

const wantsDark = matchMedia("(prefers-color-scheme: dark)");
const prints = matchMedia("print");

/** Print is always on white paper. */
const currentPaper = (): Paper => (wantsDark.matches && !prints.matches ? darkPaper : lightPaper);

function start(): void {
  find("curves").replaceChildren(...curveCharts.map(({ chart }) => chart.element));
  find("layers").replaceChildren(
    ...layerCharts.map(({ chart, maps }) => element("div", { class: "layer" }, chart.element, maps)),
  );
  find<HTMLElement>("layer-section").hidden = normSteps.length === 0;
  connectControls();
  draw();
  wantsDark.addEventListener("change", () => draw());
  prints.addEventListener("change", () => draw());
  addEventListener("beforeprint", () => draw(lightPaper));
  addEventListener("afterprint", () => draw());
  document.documentElement.classList.add("ready");
}

start();
