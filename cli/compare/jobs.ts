/**
 * Runs of a comparison → processes, some at a time; each trains one run into its folder, where this process finds it.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Context } from "../context.js";
import type { ExitCode } from "../failure.js";

const main = fileURLToPath(new URL("../main.js", import.meta.url));

/** The first exit code that is neither success nor divergence, else 0. */
export async function runInProcesses(
  context: Context,
  command: readonly string[],
  runs: readonly string[],
  jobs: number,
): Promise<ExitCode> {
  const waiting = [...runs];
  const running = new Set<ReturnType<typeof spawn>>();
  let result: ExitCode = 0;
  const stopListening = context.host.onInterrupt(() => {
    result = 130;
    for (const child of running) child.kill("SIGINT");
  });
  const worker = async (): Promise<void> => {
    for (let run = waiting.shift(); run !== undefined && result === 0; run = waiting.shift()) {
      const exit = await runProcess(context, [...command, "--only", run], running);
      if (result === 0 && exit !== 0 && exit !== 4) result = exit;
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(jobs, runs.length) }, worker));
  } finally {
    stopListening();
  }
  return result;
}

/** In a group of its own: an interrupt at the terminal reaches it once, through us. */
function runProcess(
  { host, options }: Context,
  command: readonly string[],
  running: Set<ReturnType<typeof spawn>>,
): Promise<ExitCode> {
  const common = [
    "--no-progress",
    ...(options.quiet ? ["--quiet"] : []),
    ...(options.color ? [] : ["--no-color"]),
  ];
  const child = spawn(process.execPath, [main, ...command, ...common], {
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  running.add(child);
  let rest = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    if (lines.length > 0) host.stderr.write(`${lines.join("\n")}\n`);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      running.delete(child);
      if (rest !== "") host.stderr.write(`${rest}\n`);
      resolve((code ?? 70) as ExitCode);
    });
  });
}
