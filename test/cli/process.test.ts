/**
 * The built command as a process: pipes that close, interrupts, and power cuts in the middle of training.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const main = join(root, "dist/cli/main.js");
let folder = "";
beforeAll(() => {
  if (!existsSync(main)) throw new Error("these tests run the built command: `npm run build` first");
  folder = mkdtempSync(join(tmpdir(), "tfmc-process-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = (...argv: readonly string[]): ChildProcess =>
  spawn(process.execPath, [main, ...argv], { cwd: root });

interface End {
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

function ended(child: ChildProcess): Promise<End> {
  let [out, err] = ["", ""];
  child.stdout?.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    err += chunk;
  });
  return new Promise((resolve) => {
    child.on("close", (exit, signal) => resolve({ exit, signal, out, err }));
  });
}

test("a reader that goes away is no error", async () => {
  const child = start("train", "--help");
  child.stdout!.destroy();
  const { exit, err } = await ended(child);
  expect([exit, err]).toEqual([0, ""]);
});

test("a wrong command line ends with 2, help with 0", async () => {
  expect((await ended(start("frobnicate"))).exit).toBe(2);
  expect((await ended(start("--help"))).exit).toBe(0);
});

const tiny = ["--set", "d=16", "--set", "heads=2", "--set", "layers=1", "--set", "context=16"];
const trainInto = (run: string, ...more: readonly string[]): ChildProcess =>
  start(
    ...["train", "examples/quickstart.tfm", "--data", "examples/data/tales.txt", "--tokenizer", "chars"],
    ...["--device", "cpu", "--batch", "2", "--steps", "40", "--eval-every", "0", "-o", run],
    ...tiny,
    ...more,
  );
const resume = (run: string): ChildProcess => start("train", "--resume", run, "--device", "cpu");
const weights = (run: string): Buffer =>
  readFileSync(join(run, "checkpoints/step-00000040/model.safetensors"));

function checkpoints(run: string): readonly string[] {
  const path = join(run, "checkpoints");
  return existsSync(path) ? readdirSync(path).filter((name) => name.startsWith("step-")) : [];
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !condition(); ) {
    if (Date.now() > end) throw new Error("it did not happen within a minute");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("training that is interrupted or killed again and again ends with the bits of one that was not", async () => {
  const whole = join(folder, "whole");
  expect((await ended(trainInto(whole))).exit).toBe(0);

  const stopped = join(folder, "stopped");
  const first = trainInto(stopped, "--save-every", "1");
  const end = ended(first);
  await until(() => checkpoints(stopped).length > 0);
  first.kill("SIGINT");
  expect(await end).toMatchObject({ exit: 130, signal: null });
  for (let n = 0; n < 5; n++) {
    const before = checkpoints(stopped).join();
    const child = resume(stopped);
    const killed = ended(child);
    await until(() => checkpoints(stopped).join() !== before || child.exitCode !== null);
    child.kill("SIGKILL");
    await killed;
  }
  expect((await ended(resume(stopped))).exit).toBe(0);
  expect(weights(stopped).equals(weights(whole))).toBe(true);
});
