#!/usr/bin/env node
/**
 * argv → exit code: the process around `run`.
 */
import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import type { Host } from "./context.js";
import { failures, reasonOf } from "./failure.js";
import { limits, tooLarge } from "./files.js";
import { run } from "./program.js";
import type { Sink } from "./terminal.js";

async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limits.model) tooLarge("-", size, limits.model);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const sinkOf = (stream: NodeJS.WriteStream): Sink => ({
  terminal: stream.isTTY === true,
  get columns() {
    return stream.columns ?? 80;
  },
  write: (text) => {
    stream.write(text);
  },
});

/** The second interrupt ends the process at once, as everywhere. */
function onInterrupt(listener: () => void): () => void {
  const handler = (): void => {
    stop();
    listener();
  };
  const stop = (): void => {
    process.off("SIGINT", handler);
    process.off("SIGTERM", handler);
  };
  process.on("SIGINT", handler);
  process.on("SIGTERM", handler);
  return stop;
}

/** A reader that has gone away (`tfmc graph … | head`) is no error. */
function endQuietlyOnBrokenPipe(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    if (stream === process.stdout)
      process.stderr.write(
        `error ${failures["unwritable-file"].code}: standard output: ${reasonOf(error)}\n`,
      );
    process.exit(failures["unwritable-file"].exit);
  });
}

const drained = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.write("", () => resolve());
  });

async function main(): Promise<void> {
  endQuietlyOnBrokenPipe(process.stdout);
  endQuietlyOnBrokenPipe(process.stderr);
  const host: Host = {
    stdin: readStandardInput,
    stdout: sinkOf(process.stdout),
    stderr: sinkOf(process.stderr),
    environment: process.env,
    temporaryFolder: tmpdir(),
    onInterrupt,
  };
  const exit = await run(process.argv.slice(2), host);
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  process.exit(exit); // a native device may keep threads alive
}

const startedDirectly =
  process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
if (startedDirectly) await main();
