/**
 * Milliseconds of `compile()`, the first time in a process and again, and how they divide: reading and building, each pass, the rest
 * (differentiation, schedule, kernels). CPU time stands beside, as other work on the machine does not count there.
 * Run with `npx vite-node bench/compile.ts -- [layers]`; for the time of the command line, `npm run build` and time `tfmc compile`.
 */
import { readFileSync } from "node:fs";
import { buildSource, compile } from "../compiler/index.js";
import { allPasses } from "../compiler/passes/pipeline.js";

const [layers = "48"] = process.argv.slice(2).filter((word) => word !== "--");
const models = [
  ["GPT-2 small", "gpt2", {}],
  [`GPT-2 of ${layers} layers`, "gpt2", { layers: Number(layers) }],
  [`LLaMA's kind, ${layers} layers`, "llama", { layers: Number(layers) }],
  ["2017 base", "transformer-2017", {}],
] as const;
const rounds = 5;

interface Timed {
  readonly wall: number;
  readonly cpu: number;
}

function timed(run: () => void): Timed {
  const used = process.cpuUsage();
  const from = performance.now();
  run();
  const { user, system } = process.cpuUsage(used);
  return { wall: performance.now() - from, cpu: (user + system) / 1000 };
}

const text = ({ wall, cpu }: Timed): string => `${wall.toFixed(0)} ms (CPU ${cpu.toFixed(0)} ms)`;
const middle = (times: readonly Timed[]): Timed =>
  [...times].sort((a, b) => a.wall - b.wall)[Math.floor(times.length / 2)]!;

for (const [title, name, settings] of models) {
  const source = readFileSync(`examples/${name}.tfm`, "utf8");
  const passes = new Map<string, number>();
  const hook = (pass: string, _before: unknown, _after: unknown, milliseconds: number): void =>
    void passes.set(pass, (passes.get(pass) ?? 0) + milliseconds);
  const first = timed(() => compile(source, { settings }));
  const again = Array.from({ length: rounds }, () => timed(() => compile(source, { settings })));
  const front = Array.from({ length: rounds }, () => timed(() => buildSource(source, { settings })));
  compile(source, { settings, hook });
  console.log(`${title}: at first ${text(first)}, again ${text(middle(again))}`);
  console.log(`  reading and building ${text(middle(front))}`);
  const parts = allPasses.map((pass) => `${pass.name} ${(passes.get(pass.name) ?? 0).toFixed(0)}`);
  console.log(`  passes, ms: ${parts.join(", ")}`);
}
