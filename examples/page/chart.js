// Losses by step → lines in an SVG element. No library: two polylines, an axis and a label are all there is.
//
//   drawChart(svg, { losses: [4.5, 4.2, …], validation: [{ step: 25, loss: 3.9 }], steps: 600, baseline: 2.9 })

/**
 * @typedef {object} Curves
 * @property {readonly number[]} losses of step 1, 2, …
 * @property {readonly { step: number, loss: number }[]} validation
 * @property {number} steps how many will be made
 * @property {number} baseline
 */

const left = 34;
const right = 14;
const top = 24;
const bottom = 26;

/** @param {SVGElement} svg @param {Curves} curves */
export function drawChart(svg, { losses, validation, steps, baseline }) {
  const width = Math.max(280, svg.clientWidth);
  const height = Math.round(Math.min(300, 0.7 * width));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const highest = Math.max(baseline, ...losses, ...validation.map(({ loss }) => loss)) * 1.05;
  /** @param {number} step */
  const x = (step) => left + (step / steps) * (width - left - right);
  /** @param {number} loss */
  const y = (loss) => top + (1 - loss / highest) * (height - top - bottom);
  const grid = ticks(highest, 5, 0.1).flatMap((loss) => [
    line("grid", x(0), y(loss), x(steps), y(loss)),
    label(left - 8, y(loss) + 4, "end", String(loss)),
  ]);
  const marks = ticks(steps, 5, 1).map((step) =>
    label(x(step), height - 8, step === 0 ? "start" : step === steps ? "end" : "middle", String(step)),
  );
  /** @param {readonly number[]} values */
  const points = (values) =>
    values.map((loss, n) => `${x(n + 1).toFixed(1)},${y(loss).toFixed(1)}`).join(" ");
  svg.replaceChildren(
    ...grid,
    ...marks,
    label(left, 12, "start", "loss"),
    label(width - right, 12, "end", "by step"),
    line("baseline", x(0), y(baseline), x(steps), y(baseline)),
    element("polyline", { class: "each", points: points(losses) }),
    element("polyline", { class: "training", points: points(smooth(losses)) }),
    element("polyline", {
      class: "validation",
      points: validation.map(({ step, loss }) => `${x(step)},${y(loss)}`).join(" "),
    }),
    ...validation.map(({ step, loss }) =>
      element("circle", { class: "validation-point", cx: x(step), cy: y(loss), r: 3 }),
    ),
  );
  svg.setAttribute("aria-label", description(losses, validation, baseline));
}

/** @param {readonly number[]} losses @param {Curves["validation"]} validation @param {number} baseline */
function description(losses, validation, baseline) {
  const last = validation.at(-1);
  const unseen = last ? ` On text it has not seen: ${last.loss.toFixed(2)}.` : "";
  const now =
    losses.length > 0
      ? `from ${losses[0]?.toFixed(2)} to ${smooth(losses).at(-1)?.toFixed(2)}`
      : "no step yet";
  return `Loss after ${losses.length} steps: ${now}.${unseen} Guessing by how often letters occur: ${baseline.toFixed(2)}.`;
}

/**
 * A running mean that weighs recent steps more; unbiased from the first on.
 * @param {readonly number[]} values
 */
function smooth(values) {
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    sum = 0.9 * sum + value;
    weight = 0.9 * weight + 1;
    return sum / weight;
  });
}

/**
 * Round numbers from 0 on, about `count` of them, and no closer than `least`.
 * @param {number} end @param {number} count @param {number} least
 */
function ticks(end, count, least) {
  const raw = end / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(least, ([1, 2, 5].find((factor) => factor * power >= raw) ?? 10) * power);
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, n) => Number((n * step).toPrecision(6)));
}

/** @param {string} kind @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
const line = (kind, x1, y1, x2, y2) => element("line", { class: kind, x1, y1, x2, y2 });

/** @param {number} x @param {number} y @param {string} anchor @param {string} text */
function label(x, y, anchor, text) {
  const node = element("text", { x, y, "text-anchor": anchor });
  node.textContent = text;
  return node;
}

/** @param {string} name @param {Readonly<Record<string, string | number>>} attributes */
function element(name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return node;
}
