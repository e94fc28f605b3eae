// The page: what the user does → requests to the worker; its replies → curve, status and text.
import { drawChart } from "./chart.js";

/** @typedef {import("./messages.js").Request} Request */
/** @typedef {import("./messages.js").Reply} Reply */

/** @template {Element} T @param {string} id @param {new () => T} kind @returns {T} */
function find(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`index.html has no ${kind.name} #${id}`);
}

const text = find("text", HTMLTextAreaElement);
const device = find("device", HTMLSelectElement);
const steps = find("steps", HTMLInputElement);
const prompt = find("prompt", HTMLInputElement);
const temperature = find("temperature", HTMLInputElement);
const buttons = {
  train: find("train", HTMLButtonElement),
  stop: find("stop", HTMLButtonElement),
  generate: find("generate", HTMLButtonElement),
  save: find("save", HTMLButtonElement),
};
const status = find("status", HTMLParagraphElement);
const problem = find("error", HTMLParagraphElement);
const written = find("written", HTMLPreElement);
const chart = find("chart", SVGSVGElement);

const fewest = 200;
const worker = new Worker("worker.js", { type: "module" });
/** @type {number[]} */
let losses = [];
/** @type {{ step: number, loss: number }[]} */
let validation = [];
let about = { device: "", parameters: 0, baseline: Math.log(96) };
/** Steps of the training that the curve shows. */
let planned = 600;
let seed = 0;
let drawn = false;

/** @param {Request} request */
const ask = (request) => worker.postMessage(request);

/** @param {"idle" | "training" | "writing"} state */
function show(state) {
  buttons.train.disabled = state !== "idle";
  buttons.stop.disabled = state !== "training";
  buttons.generate.disabled = buttons.save.disabled = state !== "idle" || losses.length === 0;
}

/** @param {string} message */
function complain(message) {
  problem.textContent = message;
  problem.hidden = message === "";
}

/** The curve is drawn at most once a frame, however fast steps come. */
function draw() {
  if (drawn) return;
  drawn = true;
  requestAnimationFrame(() => {
    drawn = false;
    drawChart(chart, {
      losses,
      validation,
      steps: planned,
      baseline: about.baseline,
    });
  });
}

/** @param {Reply} reply */
function receive(reply) {
  switch (reply.kind) {
    case "ready":
      about = reply;
      status.textContent = `Compiling for ${about.device} …`;
      return draw();
    case "step":
      losses.push(reply.loss);
      status.textContent =
        `Step ${reply.step} of ${planned}, loss ${reply.loss.toFixed(2)}, ` +
        `${Math.round(reply.lettersPerSecond).toLocaleString("en")} letters a second on ${about.device}.`;
      return draw();
    case "validation":
      validation.push(reply);
      return draw();
    case "trained":
      status.textContent =
        `${about.parameters.toLocaleString("en")} parameters learnt for ${reply.step} steps on ${about.device}. ` +
        `Loss on text it has not seen: ${validation.at(-1)?.loss.toFixed(2) ?? "not measured"}.`;
      return show("idle");
    case "text":
      return written.append(reply.text);
    case "written":
      return show("idle");
    case "file":
      return download(reply.bytes);
    case "error":
      complain(reply.message);
      status.textContent = "It stopped.";
      return show("idle");
    default:
      /** @satisfies {never} */ (reply);
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
function download(bytes) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = "letters.safetensors";
  link.click();
  URL.revokeObjectURL(link.href);
}

function measure() {
  find("amount", HTMLParagraphElement).textContent =
    `${text.value.length.toLocaleString("en")} letters; a tenth of them is kept back to test on.`;
}

worker.addEventListener("message", ({ data }) => receive(data));
worker.addEventListener("error", (event) => {
  complain(
    `The worker did not start${event.message ? `: ${event.message}` : ". Was the model compiled? Run `npm run page`."}`,
  );
  show("idle");
});
text.addEventListener("input", measure);
addEventListener("resize", draw);
temperature.addEventListener("input", () => {
  find("daring", HTMLOutputElement).value = Number(temperature.value).toFixed(1);
});
find("training", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  complain(
    text.value.length < fewest ? `That is too little to learn from: give at least ${fewest} letters.` : "",
  );
  if (text.value.length < fewest) return;
  planned = Number(steps.value);
  losses = [];
  validation = [];
  written.textContent = "";
  status.textContent = "Opening the device …";
  show("training");
  ask({
    kind: "train",
    text: text.value,
    device: /** @type {"auto" | "webgpu" | "cpu"} */ (device.value),
    steps: planned,
  });
});
find("generating", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  complain("");
  const start = document.createElement("span");
  start.className = "prompt";
  start.textContent = prompt.value;
  written.replaceChildren(start);
  show("writing");
  ask({ kind: "generate", prompt: prompt.value, temperature: Number(temperature.value), seed: seed++ });
});
buttons.stop.addEventListener("click", () => ask({ kind: "stop" }));
buttons.save.addEventListener("click", () => ask({ kind: "save" }));

try {
  const response = await fetch("dist/tales.txt");
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  if (text.value === "") text.value = await response.text();
} catch (error) {
  complain(
    `The tales did not load (${error instanceof Error ? error.message : error}); paste a text of your own.`,
  );
}
text.placeholder = "Paste a text here.";
measure();
draw();
