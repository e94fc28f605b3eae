// Owns the model: the page stays responsive while a step runs. Requests in, replies out; messages.ts lists them.
import { Letters, tfmc } from "./dist/letters.js";

/** @typedef {import("./messages.js").Request} Request */
/** @typedef {import("./messages.js").Reply} Reply */

const length = 48;
const vocabulary = 96;
const validateEvery = 25;

/** @type {Letters | undefined} */
let model;
/** @type {ReturnType<typeof tokenizerOf> | undefined} */
let tokenizer;
let stopped = false;

/** @param {Reply} reply */
const tell = (reply) => postMessage(reply);
/** Lets messages in: a step on the CPU leaves no other moment. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 0));

addEventListener("message", async (/** @type {MessageEvent<Request>} */ { data }) => {
  try {
    if (data.kind === "train") await train(data);
    else if (data.kind === "generate") await generate(data);
    else if (data.kind === "save" && model) tell({ kind: "file", bytes: new Uint8Array(await model.save()) });
    else if (data.kind === "stop") stopped = true;
  } catch (error) {
    tell({ kind: "error", message: error instanceof Error ? error.message : String(error) });
  }
});

/**
 * The most frequent letters have an id each; the last id stands for all others.
 * @param {string} text
 */
function tokenizerOf(text) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  const frequent = [...counts].sort(([, a], [, b]) => b - a).slice(0, vocabulary - 1);
  return tfmc.characterTokenizer(frequent.map(([letter]) => letter).join(""), { unknown: true });
}

/**
 * −Σ p log p over the letters.
 * @param {Int32Array} tokens
 */
function entropy(tokens) {
  const counts = new Float64Array(vocabulary);
  for (const id of tokens) counts[id] = (counts[id] ?? 0) + 1;
  return counts.reduce(
    (sum, count) => (count > 0 ? sum - (count / tokens.length) * Math.log(count / tokens.length) : sum),
    0,
  );
}

/** @param {Extract<Request, { kind: "train" }>} request */
async function train({ text, device, steps }) {
  stopped = false;
  tokenizer = tokenizerOf(text);
  const { train: seen, validation } = tfmc.splitTokens(tokenizer.encode(text), 0.1);
  model?.dispose();
  model = undefined;
  const opened = await Letters.load({ seed: 1 }, { device });
  model = opened;
  const { program, session } = opened;
  const recipe = program.recipe;
  if (!recipe) throw new Error("letters.tfm has no train block.");
  const parameters = program.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const { kind, description } = session.device.info;
  tell({
    kind: "ready",
    device: kind === "cpu" ? "the CPU" : `the GPU (${description})`,
    parameters,
    baseline: entropy(seen),
  });

  const schedule = {
    ...recipe.schedule,
    steps,
    warmup: Math.min(recipe.schedule.warmup, Math.ceil(steps / 10)),
  };
  const trainer = opened.trainer({ schedule });
  const window = Math.min(length, validation.length - 1, seen.length - 1);
  const validate = async () => {
    const batches = tfmc.evaluationBatches(program, validation, {
      length: window,
      batch: recipe.batch,
      limit: 4,
    });
    const { loss } = await opened.evaluate(
      /** @type {Iterable<import("./dist/letters.js").LettersInputs>} */ (batches),
    );
    tell({ kind: "validation", step: trainer.stepsDone, loss });
  };
  while (trainer.stepsDone < steps && !stopped) {
    const begin = performance.now();
    const cursor = { length: window, batch: recipe.batch, seed: 1, step: trainer.stepsDone + 1 };
    const batch = /** @type {import("./dist/letters.js").LettersInputs} */ (
      /** @type {unknown} */ (tfmc.trainingBatch(program, seen, cursor))
    );
    const { step, loss } = await trainer.step(batch);
    const seconds = (performance.now() - begin) / 1000;
    tell({
      kind: "step",
      step,
      loss: loss ?? Number.NaN,
      lettersPerSecond: (window * recipe.batch) / seconds,
    });
    if (step % validateEvery === 0 || step === steps) await validate();
    await pause();
  }
  tell({ kind: "trained", step: trainer.stepsDone });
}

/** @param {Extract<Request, { kind: "generate" }>} request */
async function generate({ prompt, temperature, seed }) {
  if (!model || !tokenizer) throw new Error("Train a model first.");
  const { size } = tokenizer;
  for await (const id of model.generate(tokenizer.encode(prompt || "\n"), {
    maxNewTokens: 240,
    temperature,
    seed,
  })) {
    // Ids beyond the text's letters exist because the model's vocabulary is fixed; it soon learns that they never come.
    if (id < size) tell({ kind: "text", text: tokenizer.decode([id]) });
    await pause();
  }
  tell({ kind: "written" });
}
