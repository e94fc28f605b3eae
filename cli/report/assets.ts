// Generated from cli/report/page by `npm run generate`. Edit that, not this.
export const pageScript = `"use strict";
(() => {
  // cli/report/page/curves.ts
  var canSmooth = (quantity) => quantity === "loss" || quantity === "gradientNorm";
  function points(run, quantity, axis) {
    if (quantity === "validation") {
      const { steps, loss } = run.validation;
      return { steps, x: run.validation[axis], y: loss };
    }
    return { steps: run.steps, x: run[axis], y: run[quantity] };
  }
  function smoothed(y, smoothing) {
    if (smoothing === 0) return y;
    let average = 0;
    let weight = 0;
    return y.map((value) => {
      if (value === null) return null;
      average = smoothing * average + (1 - smoothing) * value;
      weight = smoothing * weight + (1 - smoothing);
      return average / weight;
    });
  }
  function runCurve(run, quantity, { x: axis, smoothing }) {
    const { x, y } = points(run, quantity, axis);
    return { x, y: canSmooth(quantity) ? smoothed(y, smoothing) : y };
  }
  function meanCurve(variant, quantity, { x: axis, smoothing }) {
    const at = /* @__PURE__ */ new Map();
    for (const run of variant.runs) {
      const { steps, x, y } = points(run, quantity, axis);
      const values = canSmooth(quantity) ? smoothed(y, smoothing) : y;
      steps.forEach((step, n) => {
        const [place, value] = [x[n], values[n]];
        if (step === null || typeof place !== "number" || typeof value !== "number") return;
        const found = at.get(step) ?? { x: [], y: [] };
        at.set(step, found);
        found.x.push(place);
        found.y.push(value);
      });
    }
    const sorted = [...at].sort(([a], [b]) => a - b).map(([, values]) => values);
    return {
      x: sorted.map(({ x }) => mean(x)),
      y: sorted.map(({ y }) => mean(y)),
      deviation: sorted.map(({ y }) => deviation(y))
    };
  }
  function lastKnown(values) {
    let at = values.length - 1;
    while (at >= 0 && values[at] === null) at--;
    return at;
  }
  var mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  function deviation(values) {
    if (values.length < 2) return null;
    const middle = mean(values);
    return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
  }

  // cli/report/page/dom.ts
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }
  var svgSpace = "http://www.w3.org/2000/svg";
  function drawn(name, attributes = {}, ...children) {
    const made = document.createElementNS(svgSpace, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
    made.append(...children);
    return made;
  }
  function find(id) {
    const found = document.getElementById(id);
    if (!found) throw new Error(\`the page has no #\${id}\`);
    return found;
  }
  var swatch = (colour, dash) => drawn(
    "svg",
    { class: "swatch", width: 30, height: 10, viewBox: "0 0 30 10", "aria-hidden": "true" },
    drawn("line", {
      ...{ x1: 0, y1: 5, x2: 30, y2: 5, stroke: colour, "stroke-width": 2.5 },
      "stroke-dasharray": dash.join(" ")
    })
  );

  // cli/report/page/numbers.ts
  var minus = "−";
  function shortNumber(value) {
    if (value === null || value === void 0 || !Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    const text = size !== 0 && (size < 1e-3 || size >= 1e6) ? powerText(value) : String(Number(value.toPrecision(4)));
    return text.replace("-", minus);
  }
  function powerText(value) {
    const [digits, power] = value.toExponential(2).split("e");
    return \`\${Number(digits)}e\${Number(power)}\`;
  }
  function countText(value) {
    const units = ["", "k", "M", "G", "T"];
    let unit = 0;
    let scaled = value;
    while (Math.abs(scaled) >= 1e3 && unit < units.length - 1) {
      scaled /= 1e3;
      unit++;
    }
    return \`\${Number(scaled.toPrecision(3))}\${units[unit]}\`;
  }
  function clockText(seconds) {
    if (seconds < 60) return \`\${Number(seconds.toPrecision(3))} s\`;
    const two = (value) => String(Math.floor(value)).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    return hours > 0 ? \`\${hours}:\${two(minutes)}:\${two(seconds % 60)}\` : \`\${minutes}:\${two(seconds % 60)}\`;
  }
  function logTicks(low, high, most = 8) {
    if (!(low > 0) || !(high > low)) return [];
    if (high / low < 12) return evenTicks(low, high, Math.min(most, 6));
    const decades = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
      decades.push(10 ** power);
    const fine = decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]);
    const inside = (ticks) => ticks.filter((tick) => tick >= low && tick <= high);
    if (inside(fine).length <= most) return inside(fine);
    const every = Math.ceil(inside(decades).length / most);
    return inside(decades).filter((_, n) => n % every === 0);
  }
  function evenTicks(low, high, most) {
    const rough = (high - low) / most;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => size >= rough);
    const ticks = [];
    for (let n = Math.ceil(low / step); n * step <= high; n++) ticks.push(Number((n * step).toPrecision(12)));
    return ticks;
  }

  // cli/report/page/palette.ts
  var light = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#b8a800"];
  var dark = ["#56b4e9", "#ff8a3d", "#2fc79a", "#e39bc4", "#e69f00", "#8fd0f7", "#f2f2f2", "#f0e442"];
  var patterns = [[], [9, 4], [2, 3], [10, 3, 2, 3], [16, 5]];
  var lightPaper = { dark: false, ink: "#333a44", grid: "#e3e6ea" };
  var darkPaper = { dark: true, ink: "#c3c9d2", grid: "#31363f" };
  var colourOf = (n, paper) => (paper.dark ? dark : light)[n % light.length];
  var dashOf = (n) => [...patterns[n % patterns.length]];
  function faded(colour, opacity) {
    const byte = (at) => Number.parseInt(colour.slice(at, at + 2), 16);
    return \`rgba(\${byte(1)}, \${byte(3)}, \${byte(5)}, \${opacity})\`;
  }
  var cividis = [
    "#00224e",
    "#123570",
    "#3b496c",
    "#575d6d",
    "#707173",
    "#8a8678",
    "#a59c74",
    "#c3b369",
    "#e1cc55",
    "#fee838"
  ];
  function heatColour(share) {
    const at = Math.min(1, Math.max(0, share)) * (cividis.length - 1);
    const n = Math.min(cividis.length - 2, Math.floor(at));
    const mix = (channel) => {
      const byte = (colour) => Number.parseInt(colour.slice(channel, channel + 2), 16);
      return Math.round(byte(cividis[n]) + (at - n) * (byte(cividis[n + 1]) - byte(cividis[n])));
    };
    return \`rgb(\${mix(1)}, \${mix(3)}, \${mix(5)})\`;
  }

  // cli/report/page/chart.ts
  var height = 250;
  function createChart(title, about) {
    const plot = element("div", { class: "plot", tabindex: "0", role: "img" });
    const at = element("p", { class: "at" });
    const legend = element("ul", { class: "legend" });
    const empty = element("p", { class: "empty", hidden: "" }, "Nothing was recorded for this chart.");
    const figure = element(
      "figure",
      {},
      element("figcaption", {}, element("strong", {}, title), \` \${about}\`),
      plot,
      empty,
      at,
      legend
    );
    let chart;
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
        chart = void 0;
        const { lines } = spec;
        const data2 = aligned(lines, spec.logarithmic);
        const nothing = !data2.columns.some((column) => column.some((value) => value !== null));
        empty.hidden = !nothing;
        plot.hidden = nothing;
        at.textContent = "";
        legend.replaceChildren();
        if (nothing) return;
        const values = legendEntries(legend, spec);
        const show = (index) => {
          at.textContent = index === null || index === void 0 ? "" : \`\${spec.xTitle} \${spec.xText(data2.x[index])}\`;
          for (const { line, output } of values) output.textContent = valueText(line, data2.x[index ?? -1]);
        };
        plot.setAttribute("aria-label", description(title, spec));
        chart = new uPlot(
          optionsOf(spec, data2, plot.clientWidth || 600, show),
          [data2.x, ...data2.columns],
          plot
        );
        show(null);
      }
    };
  }
  function aligned(lines, logarithmic) {
    const all = /* @__PURE__ */ new Set();
    for (const { x: x2 } of lines) for (const value of x2) if (value !== null) all.add(value);
    const x = [...all].sort((a, b) => a - b);
    const place = new Map(x.map((value, n) => [value, n]));
    const columns = lines.flatMap((line) => {
      const spread = (values) => {
        const column = new Array(x.length).fill(null);
        line.x.forEach((at, n) => {
          const value = values(n);
          if (at !== null && value !== null && !(logarithmic && value <= 0)) column[place.get(at)] = value;
        });
        return column;
      };
      const middle = spread((n) => line.y[n] ?? null);
      const { deviation: deviation2 } = line;
      if (!deviation2) return [middle];
      const edge = (sign) => spread((n) => {
        const [y, half] = [line.y[n], deviation2[n]];
        return typeof y === "number" && typeof half === "number" ? y + sign * half : null;
      });
      return [middle, edge(1), edge(-1)];
    });
    return { x, columns };
  }
  function nearestPoint({ x, y }, at) {
    let best = -1;
    x.forEach((place, n) => {
      if (place === null || y[n] === null) return;
      if (best < 0 || Math.abs(place - at) < Math.abs(x[best] - at)) best = n;
    });
    return best;
  }
  function valueText(line, at) {
    const point = at === void 0 ? lastKnown(line.y) : nearestPoint(line, at);
    const [value, half] = [line.y[point], line.deviation?.[point]];
    return typeof half === "number" && half > 0 ? \`\${shortNumber(value)} ± \${shortNumber(Number(half.toPrecision(2)))}\` : shortNumber(value);
  }
  function legendEntries(legend, { lines, onToggle }) {
    const shown = /* @__PURE__ */ new Map();
    for (const line of lines) if (!line.faint && !shown.has(line.series)) shown.set(line.series, line);
    return [...shown.values()].map((line) => {
      const output = element("span", { class: "value" });
      const entry = element(
        "li",
        {},
        swatch(line.colour, line.dash),
        element("span", { class: "name" }, line.name),
        output
      );
      if (onToggle) entry.addEventListener("click", () => onToggle(line.series));
      legend.append(entry);
      return { line, output };
    });
  }
  function description(title, { lines, xTitle }) {
    const ends = lines.filter(({ faint }) => !faint).map(({ name, y }) => \`\${name} ends at \${shortNumber(y[lastKnown(y)])}\`);
    return \`\${title} over \${xTitle}. \${ends.join(", ")}. Arrow keys move the cursor.\`;
  }
  function optionsOf(spec, { x }, width, show) {
    const { lines, paper, logarithmic, group } = spec;
    const series = [{}];
    const bands = [];
    for (const line of lines) {
      series.push({
        stroke: line.faint ? faded(line.colour, 0.28) : line.colour,
        width: line.faint ? 1 : 2,
        dash: line.faint ? [] : [...line.dash],
        spanGaps: true,
        points: { show: x.length <= 40 && !line.faint, size: 5, fill: line.colour }
      });
      if (!line.deviation) continue;
      const edge = { stroke: "transparent", width: 0, spanGaps: true, points: { show: false } };
      bands.push({
        series: [series.length, series.length + 1],
        fill: faded(line.colour, paper.dark ? 0.25 : 0.18)
      });
      series.push(edge, edge);
    }
    const axis = {
      stroke: paper.ink,
      grid: { stroke: paper.grid, width: 1 },
      ticks: { stroke: paper.grid, width: 1 }
    };
    return {
      ...{ width, height, series, bands, legend: { show: false } },
      scales: { x: { time: false, range: (_, low, high) => padded(low, high) }, y: yScale(logarithmic) },
      axes: [
        {
          ...axis,
          ...{ label: spec.xTitle, labelSize: 18, labelGap: 0, size: 30, font: axisFont, labelFont: axisFont },
          values: (_, splits) => splits.map(spec.xText),
          ...spec.wholeX && { incrs: [1, 2, 5, 10, 20, 50, 100] }
        },
        {
          ...axis,
          ...{ size: 62, font: axisFont },
          values: (_, splits) => splits.map(shortNumber),
          ...logarithmic && logarithmicAxis
        }
      ],
      cursor: { sync: { key: group }, y: false, points: { size: 7 } },
      hooks: {
        setCursor: [(chart) => show(chart.cursor.idx)],
        draw: [(chart) => drawEnds(chart, lines)]
      }
    };
  }
  var logarithmicAxis = {
    splits: (_, __, low, high) => logTicks(low, high),
    filter: (_, splits) => splits
  };
  var axisFont = "12px system-ui, sans-serif";
  var padded = (low, high) => low === high ? [low - 1, high + 1] : [low, high];
  function yScale(logarithmic) {
    if (!logarithmic) return {};
    const range = (_, low, high) => {
      const room = (high / low) ** 0.04;
      return low === high ? [low * 0.9, high * 1.1] : [low / room, high * room];
    };
    return { distr: 3, range };
  }
  function drawEnds(chart, lines) {
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
  function moveCursor(chart, key) {
    const [x] = chart.data;
    const last = x.length - 1;
    const now = chart.cursor.idx ?? last;
    const far = Math.max(1, Math.round(x.length / 20));
    const moves = {
      ArrowLeft: now - 1,
      ArrowRight: now + 1,
      PageUp: now - far,
      PageDown: now + far,
      Home: 0,
      End: last
    };
    const index = moves[key];
    if (index === void 0) return false;
    const within = Math.min(last, Math.max(0, index));
    chart.setCursor({ left: chart.valToPos(x[within], "x"), top: chart.over.clientHeight / 2 });
    return true;
  }

  // cli/report/page/layers.ts
  function placesOf({ variants }, kind) {
    const names = variants.map(({ runs }) => [
      ...new Set(runs.flatMap(({ norms }) => norms.flatMap((at) => Object.keys(at[kind]))))
    ]);
    const all = [...new Set(names.flat())];
    if (all.length > 1 && names.every((own) => own.length <= 1))
      return [{ kind, title: all.join(", "), names: names.map(([name]) => name) }];
    return all.map((title) => ({ kind, title, names: names.map((own) => own.find((name) => name === title)) }));
  }
  var stepsOf = ({ variants }) => [
    ...new Set(variants.flatMap(({ runs }) => runs.flatMap(({ norms }) => norms.map(({ step }) => step))))
  ].sort((a, b) => a - b);
  function profile({ runs }, kind, name, step) {
    const found = runs.flatMap(
      ({ norms }) => norms.filter((at) => at.step === step).map((at) => at[kind][name] ?? [])
    );
    const longest = Math.max(0, ...found.map((values) => values.length));
    return Array.from({ length: longest }, (_, layer) => {
      const values = found.map((column) => column[layer]).filter((value) => typeof value === "number");
      return values.length > 0 ? mean(values) : null;
    });
  }
  var firstLayer = (kind) => kind === "residual" ? 0 : 1;
  function layerLines({ variants }, place, steps, step, hidden, paper) {
    return variants.flatMap((variant, n) => {
      const name = place.names[n];
      if (name === void 0 || hidden.has(String(n))) return [];
      const line = (y, faint) => ({
        ...{ name: variant.name, series: String(n), y, faint },
        x: y.map((_, layer) => layer + firstLayer(place.kind)),
        ...{ colour: colourOf(n, paper), dash: dashOf(n) }
      });
      const before = step === steps[0] ? [] : [line(profile(variant, place.kind, name, steps[0]), true)];
      return [...before, line(profile(variant, place.kind, name, step), false)];
    });
  }
  var margin = { left: 30, top: 2, right: 4, bottom: 20 };
  var wanted = { width: 420, height: 110 };
  var between = (low, value, high) => Math.min(high, Math.max(low, value));
  function heatMaps({ variants }, place, steps, hidden, paper) {
    const maps = variants.flatMap((variant, n) => {
      const name = place.names[n];
      if (name === void 0 || hidden.has(String(n))) return [];
      return [{ n, variant, columns: steps.map((step) => profile(variant, place.kind, name, step)) }];
    });
    const values = maps.flatMap(({ columns }) => columns.flat()).filter((value) => typeof value === "number" && value > 0);
    if (values.length === 0) return element("div");
    const low = values.reduce((a, b) => Math.min(a, b));
    const high = values.reduce((a, b) => Math.max(a, b));
    const share = (value) => high === low ? 0.5 : Math.log(value / low) / Math.log(high / low);
    return element(
      "div",
      { class: "maps" },
      ...maps.map(
        ({ n, variant, columns }) => element(
          "div",
          { class: "map" },
          element("p", {}, variant.name),
          heatMap(
            columns,
            steps,
            place.kind,
            share,
            paper,
            \`\${variant.name}: norm by layer and step\`,
            colourOf(n, paper)
          )
        )
      ),
      element("div", { class: "scale" }, scaleBar(low, high, paper))
    );
  }
  function heatMap(columns, steps, kind, share, paper, label, colour) {
    const rows = Math.max(...columns.map((column) => column.length));
    const tall = between(3, wanted.height / rows, 24);
    const broad = between(6, wanted.width / columns.length, 22);
    const [wide, high] = [columns.length * broad, rows * tall];
    const text = { fill: paper.ink, "font-size": 10, "font-family": "system-ui, sans-serif" };
    const rects = columns.flatMap(
      (column, x) => column.map((value, layer) => {
        const known = typeof value === "number" && value > 0;
        const tip = \`layer \${layer + firstLayer(kind)}, step \${steps[x]}: \${shortNumber(value)}\`;
        return drawn(
          "rect",
          {
            ...{ x: margin.left + x * broad, y: margin.top + (rows - 1 - layer) * tall },
            ...{ width: broad, height: tall },
            fill: known ? heatColour(share(value)) : faded(paper.ink, 0.12)
          },
          drawn("title", {}, tip)
        );
      })
    );
    const every = Math.max(1, Math.ceil(rows / 8));
    const layers = Array.from({ length: rows }, (_, layer) => layer).filter((layer) => layer % every === 0);
    return drawn(
      "svg",
      {
        ...{ role: "img", "aria-label": label, class: "heat", "shape-rendering": "crispEdges" },
        viewBox: \`0 0 \${margin.left + wide + margin.right} \${margin.top + high + margin.bottom}\`,
        ...{ width: margin.left + wide + margin.right, height: margin.top + high + margin.bottom }
      },
      ...rects,
      drawn("rect", {
        ...{ x: margin.left, y: margin.top + high + 2, width: wide, height: 2, fill: colour }
      }),
      ...layers.map(
        (layer) => drawn(
          "text",
          {
            ...text,
            x: margin.left - 5,
            y: margin.top + (rows - layer - 0.5) * tall + 3.5,
            "text-anchor": "end"
          },
          String(layer + firstLayer(kind))
        )
      ),
      drawn("text", { ...text, x: margin.left, y: margin.top + high + 15 }, \`step \${steps[0]}\`),
      drawn(
        "text",
        { ...text, x: margin.left + wide, y: margin.top + high + 15, "text-anchor": "end" },
        String(steps.at(-1))
      ),
      drawn(
        "text",
        { ...text, transform: \`translate(9 \${margin.top + high / 2}) rotate(-90)\`, "text-anchor": "middle" },
        "layer"
      )
    );
  }
  function scaleBar(low, high, paper) {
    const parts = 40;
    const text = { fill: paper.ink, "font-size": 10, "font-family": "system-ui, sans-serif", y: 24 };
    return drawn(
      "svg",
      {
        viewBox: "0 0 200 28",
        width: 200,
        height: 28,
        role: "img",
        "aria-label": "scale of the maps, logarithmic"
      },
      ...Array.from(
        { length: parts },
        (_, n) => drawn("rect", { x: n * 5, y: 0, width: 5.2, height: 11, fill: heatColour(n / (parts - 1)) })
      ),
      drawn("text", { ...text, x: 0 }, shortNumber(low)),
      drawn("text", { ...text, x: 200, "text-anchor": "end" }, shortNumber(high))
    );
  }

  // cli/report/page/main.ts
  var data = JSON.parse(find("data").textContent ?? "");
  var severalSeeds = data.variants.some(({ runs }) => runs.length > 1);
  var normSteps = stepsOf(data);
  var state = {
    x: "steps",
    smoothing: 0,
    logarithmic: false,
    eachSeed: false,
    hidden: /* @__PURE__ */ new Set(),
    normStep: Math.max(0, normSteps.length - 1),
    logarithmicNorms: true
  };
  function change(part) {
    state = { ...state, ...part };
    draw();
  }
  function toggle(series) {
    const hidden = new Set(state.hidden);
    if (!hidden.delete(series)) hidden.add(series);
    change({ hidden });
  }
  function listen(id, type, heard) {
    const target = find(id);
    target.addEventListener(type, () => heard(target));
  }
  function connectControls() {
    for (const input of document.querySelectorAll("input[name=x]"))
      input.addEventListener("change", () => change({ x: input.value }));
    for (const input of document.querySelectorAll("input[name=seeds]"))
      input.addEventListener("change", () => change({ eachSeed: input.value === "each" }));
    find("seeds").hidden = !severalSeeds;
    listen("smoothing", "input", ({ value }) => change({ smoothing: Number(value) / 100 }));
    listen("logarithmic", "change", ({ checked }) => change({ logarithmic: checked }));
    if (normSteps.length === 0) return;
    const slider = find("norm-step");
    slider.max = String(normSteps.length - 1);
    slider.value = slider.max;
    listen("norm-step", "input", ({ value }) => change({ normStep: Number(value) }));
    listen("norm-first", "click", () => change({ normStep: 0 }));
    listen("norm-last", "click", () => change({ normStep: normSteps.length - 1 }));
    listen(
      "norm-logarithmic",
      "change",
      ({ checked }) => change({ logarithmicNorms: checked })
    );
  }
  function drawVariants(paper) {
    const focused = document.activeElement?.dataset["series"];
    const buttons = data.variants.map(({ name }, n) => {
      const pressed = String(!state.hidden.has(String(n)));
      const button = element(
        "button",
        { type: "button", "aria-pressed": pressed, "data-series": String(n), title: name },
        swatch(colourOf(n, paper), dashOf(n)),
        element("span", { class: "name" }, name)
      );
      button.addEventListener("click", () => toggle(String(n)));
      return button;
    });
    find("variants").replaceChildren(...buttons);
    buttons.find((button) => button.dataset["series"] === focused)?.focus();
  }
  var axes = {
    steps: { xTitle: "step", xText: countText },
    seconds: { xTitle: "training time", xText: clockText },
    tokens: { xTitle: "tokens", xText: countText }
  };
  var quantities = [
    { quantity: "validation", title: "Validation loss", about: "nats a token" },
    { quantity: "loss", title: "Training loss", about: "of each batch, nats a token" },
    { quantity: "gradientNorm", title: "Gradient norm", about: "over all parameters, before clipping" },
    { quantity: "learningRate", title: "Learning rate", about: "" }
  ];
  function curveLines(quantity, paper) {
    return data.variants.flatMap((variant, n) => {
      if (state.hidden.has(String(n))) return [];
      const style = { colour: colourOf(n, paper), dash: dashOf(n), series: String(n), name: variant.name };
      const raw = { ...state, smoothing: 0 };
      const pale = state.smoothing > 0 && (quantity === "loss" || quantity === "gradientNorm");
      const crosses = variant.runs.flatMap(
        (run) => run.divergedAt === null ? [] : [{ ...style, ...runCurve(run, quantity, raw), faint: true, ends: true }]
      );
      if (state.eachSeed)
        return variant.runs.flatMap((run) => [
          ...pale ? [{ ...style, ...runCurve(run, quantity, raw), faint: true }] : [],
          { ...style, ...runCurve(run, quantity, state), ends: run.divergedAt !== null }
        ]);
      const behind = pale ? [{ ...style, ...meanCurve(variant, quantity, raw), deviation: void 0, faint: true }] : [];
      const middle = meanCurve(variant, quantity, state);
      const banded = middle.deviation.some((value) => value !== null && value > 0);
      return [...crosses, ...behind, { ...style, ...middle, deviation: banded ? middle.deviation : void 0 }];
    });
  }
  var curveCharts = quantities.map((row) => ({ ...row, chart: createChart(row.title, row.about) }));
  var layerChart = (place) => {
    const what = place.kind === "residual" ? "Norm of the residual stream" : "Gradient norm by layer";
    const about = place.kind === "residual" ? \`\${place.title}: root mean square; 0 is what enters\` : \`\${place.title}: over all parameters of a layer\`;
    return { place, chart: createChart(what, about), maps: element("div") };
  };
  var layerCharts = [...placesOf(data, "residual"), ...placesOf(data, "gradient")].map(layerChart);
  function draw(paper = currentPaper()) {
    drawVariants(paper);
    find("smoothing-value").textContent = state.smoothing === 0 ? "none" : state.smoothing.toFixed(2);
    for (const { quantity, chart } of curveCharts)
      chart.draw({
        ...axes[state.x],
        lines: curveLines(quantity, paper),
        logarithmic: state.logarithmic,
        ...{ paper, group: "curves", onToggle: toggle }
      });
    if (normSteps.length > 0) drawLayers(paper);
  }
  function drawLayers(paper) {
    const step = normSteps[state.normStep];
    find("norm-step").value = String(state.normStep);
    find("norm-step").setAttribute("aria-valuetext", \`step \${step}\`);
    find("norm-step-value").textContent = \`step \${step}\`;
    for (const { place, chart, maps } of layerCharts) {
      chart.draw({
        ...{ xTitle: "layer", xText: (value) => Number.isInteger(value) ? String(value) : "", wholeX: true },
        lines: layerLines(data, place, normSteps, step, state.hidden, paper),
        logarithmic: state.logarithmicNorms,
        ...{ paper, group: \`layers \${place.kind} \${place.title}\`, onToggle: toggle }
      });
      maps.replaceChildren(heatMaps(data, place, normSteps, state.hidden, paper));
    }
  }
  var wantsDark = matchMedia("(prefers-color-scheme: dark)");
  var prints = matchMedia("print");
  var currentPaper = () => wantsDark.matches && !prints.matches ? darkPaper : lightPaper;
  function start() {
    find("curves").replaceChildren(...curveCharts.map(({ chart }) => chart.element));
    find("layers").replaceChildren(
      ...layerCharts.map(({ chart, maps }) => element("div", { class: "layer" }, chart.element, maps))
    );
    find("layer-section").hidden = normSteps.length === 0;
    connectControls();
    draw();
    wantsDark.addEventListener("change", () => draw());
    prints.addEventListener("change", () => draw());
    addEventListener("beforeprint", () => draw(lightPaper));
    addEventListener("afterprint", () => draw());
    document.documentElement.classList.add("ready");
  }
  start();
})();
`;
export const pageStyle = `:root {
  --paper: #ffffff;
  --raised: #ffffff;
  --ground: #f5f6f8;
  --ink: #1b2027;
  --soft: #5a6472;
  --line: #dde1e7;
  --accent: #0072b2;
  --mark: #e8f3fa;
  --removed: #fbeae3;
  --added: #e2f4ee;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b;
    --raised: #1a1e23;
    --ground: #14171b;
    --ink: #e8ebef;
    --soft: #a1aab6;
    --line: #31363f;
    --accent: #6bbdf2;
    --mark: #1d2c37;
    --removed: #3a241d;
    --added: #17332a;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0;
  background: var(--ground);
  color: var(--ink);
  font: 15px/1.5 var(--sans);
}
header, main { max-width: 1180px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 34px; }
.eyebrow { margin: 0; color: var(--accent); font: 600 13px var(--mono); }
h1 { margin: 4px 0 2px; font-size: 30px; line-height: 1.2; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h1 .against { color: var(--soft); font-weight: 400; }
h2 { margin: 0 0 12px; font-size: 19px; letter-spacing: -0.01em; }
h3 { margin: 20px 0 6px; font-size: 15px; overflow-wrap: anywhere; }
.lead { margin: 0; color: var(--soft); font-size: 16px; overflow-wrap: anywhere; }
.note { margin: 10px 0 0; color: var(--soft); font-size: 13.5px; max-width: 80ch; }
section {
  margin: 22px 0;
  padding: 20px 22px;
  background: var(--raised);
  border: 1px solid var(--line);
  border-radius: 10px;
}
code, pre { font-family: var(--mono); font-size: 13px; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }

/* Tables */
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 14px 7px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 500; font-size: 13px; white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { font-weight: 600; }
.numbers { width: 100%; }
.numbers td, .numbers thead th:not(:first-child) { text-align: right; white-space: nowrap; padding: 7px 0 7px 18px; }
.numbers tbody th { min-width: 15ch; max-width: 34ch; overflow-wrap: anywhere; }
.numbers .best > * { background: var(--mark); }
.numbers .best th { box-shadow: inset 3px 0 var(--accent); padding-left: 10px; }
.configuration td, .configuration th { overflow-wrap: anywhere; min-width: 9ch; max-width: 44ch; }
.configuration td { font-family: var(--mono); font-size: 13px; }
.configuration tbody th { font-weight: 500; color: var(--soft); }

/* Controls */
.controls { display: flex; flex-wrap: wrap; align-items: center; gap: 10px 22px; margin: 0 0 12px; font-size: 14px; }
fieldset { display: flex; align-items: center; gap: 0; margin: 0; padding: 0; border: 0; min-width: 0; }
legend { float: left; padding: 0 8px 0 0; color: var(--soft); }
fieldset label span { display: block; padding: 4px 11px; border: 1px solid var(--line); margin-left: -1px; cursor: pointer; }
fieldset label:first-of-type span { border-radius: 6px 0 0 6px; }
fieldset label:last-of-type span { border-radius: 0 6px 6px 0; }
fieldset input { position: absolute; opacity: 0; width: 1px; height: 1px; }
fieldset input:checked + span { background: var(--mark); color: var(--accent); border-color: var(--accent); position: relative; font-weight: 600; }
fieldset input:focus-visible + span { outline: 2px solid var(--accent); outline-offset: 2px; position: relative; }
.slider { display: flex; align-items: center; gap: 8px; color: var(--soft); }
.slider input { width: 150px; accent-color: var(--accent); }
.slider output { min-width: 5.5ch; color: var(--ink); font-variant-numeric: tabular-nums; }
.check { display: flex; align-items: center; gap: 6px; cursor: pointer; }
.check input { accent-color: var(--accent); width: 15px; height: 15px; margin: 0; }
button {
  font: inherit;
  color: inherit;
  background: var(--raised);
  border: 1px solid var(--line);
  border-radius: 6px;
  padding: 4px 11px;
  cursor: pointer;
}
button:hover, fieldset label span:hover { border-color: var(--soft); }
.variants { display: flex; flex-wrap: wrap; gap: 8px; margin: 0 0 18px; }
.variants button { display: flex; align-items: center; gap: 8px; max-width: 100%; }
.variants .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 34ch; }
.variants button[aria-pressed="false"] { opacity: 0.5; text-decoration: line-through; }
.swatch { flex: none; }

/* Charts */
.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 26px 30px; }
figure { margin: 0; min-width: 0; }
figcaption { margin: 0 0 6px; color: var(--soft); font-size: 13.5px; overflow-wrap: anywhere; }
figcaption strong { color: var(--ink); font-size: 15px; font-weight: 600; margin-right: 4px; }
.plot { width: 100%; min-height: 250px; }
.empty { color: var(--soft); font-size: 13.5px; }
.at { margin: 4px 0 2px 62px; min-height: 1.5em; color: var(--soft); font-size: 12.5px; font-variant-numeric: tabular-nums; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 0 0 0 62px; padding: 0; list-style: none; font-size: 13px; }
.legend li { display: flex; align-items: center; gap: 7px; min-width: 0; max-width: 100%; cursor: pointer; }
.legend .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 24ch; }
.legend .value { color: var(--soft); font-variant-numeric: tabular-nums; white-space: nowrap; }
.layers { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 30px; }
.layer { min-width: 0; }
.maps { display: flex; flex-wrap: wrap; align-items: flex-end; gap: 12px 24px; margin: 16px 0 0; }
.scale { flex-basis: 100%; }
.scale svg { display: block; }
#layer-section > .note { margin: 0 0 14px; }
.map { max-width: 100%; }
.map p { margin: 0 0 2px; font-size: 13px; overflow-wrap: anywhere; max-width: 36ch; }
.heat { display: block; max-width: 100%; height: auto; }

/* Texts */
details { margin-top: 12px; }
summary { cursor: pointer; color: var(--accent); font-size: 14px; overflow-wrap: anywhere; }
details[open] > summary { margin-bottom: 8px; }
pre { margin: 0; padding: 10px 12px; overflow-x: auto; background: var(--ground); border: 1px solid var(--line); border-radius: 6px; line-height: 1.45; }
.sample pre, .command { white-space: pre-wrap; overflow-wrap: anywhere; }
.difference span { display: block; margin: 0 -12px; padding: 0 12px; white-space: pre; }
.difference .before { background: var(--removed); }
.difference .after { background: var(--added); }
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 6px 22px; }
.samples article { min-width: 0; }
.samples h3 { margin-top: 10px; }
.sample + .sample { margin-top: 10px; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 18px; margin: 8px 0 0; font-size: 14px; }
dt { color: var(--soft); overflow-wrap: anywhere; }
dd { margin: 0; overflow-wrap: anywhere; }
.commands { grid-template-columns: minmax(0, 1fr); }
.commands dd { margin-bottom: 8px; }

@media (max-width: 860px) {
  .charts, .layers { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 520px) {
  header, main { padding: 0 10px; }
  header { padding-top: 18px; }
  section { padding: 14px 12px; margin: 14px 0; }
  h1 { font-size: 24px; }
  .legend, .at { margin-left: 4px; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: 6px; }
  .slider input { width: 120px; }
}
@media (prefers-reduced-motion: no-preference) {
  button, fieldset label span { transition: border-color 0.15s, background-color 0.15s; }
}
@media print {
  :root { color-scheme: light; --ground: #ffffff; --ink: #000000; --soft: #333333; --line: #bbbbbb; --accent: #000000; --mark: #eeeeee; --removed: #f2f2f2; --added: #e6e6e6; }
  @page { margin: 14mm; }
  body { font-size: 10.5pt; }
  header, main { max-width: none; padding: 0; }
  header { padding-top: 0; }
  section { border: 0; padding: 0; margin: 14pt 0; }
  .controls, .variants, .at { display: none; }
  figure, .map, article, tr { break-inside: avoid; }
  h2, h3, figcaption { break-after: avoid; }
  .charts, .layers { display: block; }
  .charts figure, .layer { margin-bottom: 14pt; }
  .legend { margin-left: 0; }
  .legend .name { max-width: none; }
  .plot, .plot .uplot { max-width: 100%; }
  details:not([open]) { display: none; }
  .scroll { overflow: visible; }
  .numbers { font-size: 8.5pt; }
  .numbers td, .numbers thead th:not(:first-child) { padding-left: 8pt; }
  pre { white-space: pre-wrap; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
