/**
 * Milliseconds per training step of one model on one device, and where they go.
 * Run with `npx vite-node bench/training-step.ts -- FILE [device] [steps] [key=value …]`.
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { compile } from "../compiler/index.js";
import {
  byteTokenizer,
  createSession,
  createTrainer,
  initialise,
  openDevice,
  trainingBatch,
} from "../runtime/index.js";
import { stepsOf } from "../runtime/plan.js";

const [file = "examples/nano.tfm", device = "webgpu", count = "20", ...settings] = process.argv
  .slice(2)
  .filter((word) => word !== "--");
const steps = Number(count);
const warmUp = 3;

const started = performance.now();
const { program, diagnostics } = compile(readFileSync(file, "utf8"), {
  file,
  settings: Object.fromEntries(
    settings.map((pair) => [pair.slice(0, pair.indexOf("=")), Number(pair.slice(pair.indexOf("=") + 1))]),
  ),
});
if (!program?.recipe || !program.entries.train)
  throw new Error(diagnostics.map(({ message }) => message).join("\n") || "no loss");
const compiled = performance.now() - started;

const opened = await openDevice({ device: device as "webgpu" | "cpu" });
const session = await createSession(program, opened, { entries: ["train"] });
session.writeParameters(initialise(program, 1));
const text = byteTokenizer().encode(readFileSync("examples/data/tales.txt", "utf8"));
const length = program.lengths.T!.maximum;
const { batch } = program.recipe;
const trainer = createTrainer(session, { seed: 1 });

const times: number[] = [];
let loss = Number.NaN;
for (let step = 0; step < warmUp + steps; step++) {
  const inputs = trainingBatch(program, text, { length, batch, seed: 1, step });
  const from = performance.now();
  ({ loss = loss } = await trainer.step(inputs));
  if (step >= warmUp) times.push(performance.now() - from);
}
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

const inputs = trainingBatch(program, text, { length, batch, seed: 1, step: 0 });
const labels = stepsOf(program.entries.train, session.lengthsOf("train", inputs)).map(
  ({ label, kernel }) => `${program.kernels[kernel]!.name} (${label})`,
);
const each = await session.time("train", inputs, { lr: 0, seed: 1, step: 1 });
const byLabel = new Map<string, { ms: number; count: number }>();
each.forEach((ms, n) => {
  const row = byLabel.get(labels[n]!) ?? { ms: 0, count: 0 };
  byLabel.set(labels[n]!, { ms: row.ms + ms, count: row.count + 1 });
});
const top = [...byLabel].sort(([, a], [, b]) => b.ms - a.ms).slice(0, 24);
console.log(
  `${file} on ${opened.info.description ?? opened.info.kind} (${cpus()[0]?.model.trim()}, ${cpus().length} cores)`,
);
console.log(
  `batch ${batch}, length ${length}, ${program.kernels.length} kernels, ${each.length} dispatches; compiled in ${compiled.toFixed(0)} ms`,
);
console.log(
  `median ${median(times).toFixed(1)} ms a step (${(((batch * length) / median(times)) * 1000).toFixed(0)} tokens/s); last loss ${loss.toFixed(4)}`,
);
for (const [label, { ms, count: n }] of top)
  console.log(`${ms.toFixed(2).padStart(9)} ms ${String(n).padStart(4)} × ${label}`);
session.dispose();
opened.dispose();
