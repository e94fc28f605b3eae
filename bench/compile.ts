/**
 * Milliseconds of `compile()` from dist, the first time in a process and the third, in fresh processes; then how they divide.
 *
 * CPU time of the main thread stands beside the wall's, and that of all threads (V8 optimises on others): on a busy machine only the first
 * of these says much. After `npm run build`: `npx vite-node bench/compile.ts -- [processes] [layers]`.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { buildSource, compile } from "../compiler/index.js";
import { allPasses } from "../compiler/passes/pipeline.js";

const [processes = "5", layers = "48"] = process.argv.slice(2).filter((word) => word !== "--");
const models = [
  ["GPT-2 small", "gpt2", {}],
  [`GPT-2 of ${layers} layers`, "gpt2", { layers: Number(layers) }],
  ["LLaMA's kind", "llama", {}],
  [`LLaMA's kind, ${layers} layers`, "llama", { layers: Number(layers) }],
  ["2017 base", "transformer-2017", {}],
] as const;

interface Timed {
  readonly wall: number;
  readonly main: number;
  readonly cpu: number;
}

/** Linux alone says how long one thread ran. */
const script = (name: string, settings: object): string => `
  import { existsSync, readFileSync } from "node:fs";
  const place = "/proc/self/task/" + process.pid + "/schedstat";
  const main = () => (existsSync(place) ? Number(readFileSync(place, "utf8").split(" ")[0]) / 1e6 : NaN);
  const now = () => ({ wall: performance.now(), main: main(), cpu: process.cpuUsage() });
  const times = [];
  const since = (a, b) => {
    const cpu = b.cpu.user + b.cpu.system - a.cpu.user - a.cpu.system;
    times.push({ wall: b.wall - a.wall, main: b.main - a.main, cpu: cpu / 1000 });
  };
  let from = now();
  const { compile } = await import("./dist/compiler/index.js");
  since(from, now());
  const source = readFileSync("examples/${name}.tfm", "utf8");
  for (let n = 0; n < 3; n++) {
    from = now();
    compile(source, { settings: ${JSON.stringify(settings)} });
    since(from, now());
  }
  console.log(JSON.stringify(times));`;

const run = (name: string, settings: object): readonly Timed[] => {
  const text = execFileSync(process.execPath, ["--input-type=module", "-e", script(name, settings)]);
  return JSON.parse(String(text)) as readonly Timed[];
};

const middle = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const text = (times: readonly Timed[]): string => {
  const of = (key: keyof Timed): string => middle(times.map((time) => time[key])).toFixed(0);
  return `${of("wall")} ms (main thread ${of("main")}, all threads ${of("cpu")})`;
};

for (const [title, name, settings] of models) {
  const runs = Array.from({ length: Number(processes) }, () => run(name, settings));
  const at = (n: number): string => text(runs.map((times) => times[n]!));
  console.log(`${title}: first ${at(1)}, third ${at(3)}, after loading ${at(0)}`);
  const source = readFileSync(`examples/${name}.tfm`, "utf8");
  const passes = new Map<string, number>();
  const hook = (pass: string, _before: unknown, _after: unknown, milliseconds: number): void =>
    void passes.set(pass, (passes.get(pass) ?? 0) + milliseconds);
  compile(source, { settings, hook });
  const from = performance.now();
  buildSource(source, { settings });
  const front = (performance.now() - from).toFixed(0);
  const parts = allPasses.map((pass) => `${pass.name} ${(passes.get(pass.name) ?? 0).toFixed(0)}`);
  console.log(`  reading and building ${front} ms; passes, ms: ${parts.join(", ")}`);
}
