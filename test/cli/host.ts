/**
 * A process for commands under test: what they print is kept, and interrupts come from the test.
 */
import type { CommonOptions, Context, Host } from "../../cli/context.js";
import { createContext } from "../../cli/context.js";
import type { Sink } from "../../cli/terminal.js";

export interface TestHost extends Host {
  readonly printed: { out: string; err: string };
  interrupt(): void;
}

export interface HostOptions {
  readonly stdin?: Uint8Array | string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly temporaryFolder?: string;
  readonly terminal?: boolean;
  /** Hears every piece of text as it is written to stderr. */
  readonly onMessage?: (text: string) => void;
}

export function createTestHost(options: HostOptions = {}): TestHost {
  const printed = { out: "", err: "" };
  const listeners = new Set<() => void>();
  const sink = (name: "out" | "err"): Sink => ({
    terminal: options.terminal ?? false,
    columns: 80,
    write(text) {
      printed[name] += text;
      if (name === "err") options.onMessage?.(text);
    },
  });
  return {
    printed,
    stdin: async () => Buffer.from(options.stdin ?? ""),
    stdout: sink("out"),
    stderr: sink("err"),
    environment: options.environment ?? {},
    temporaryFolder: options.temporaryFolder ?? "/nowhere",
    onInterrupt(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    interrupt() {
      for (const listener of listeners) listener();
    },
  };
}

const defaults: CommonOptions = {
  device: "cpu",
  seed: undefined,
  json: false,
  quiet: false,
  verbose: false,
  color: true,
  progress: true,
  stdinFilepath: "stdin.tfm",
};

export const testContext = (host: Host, options: Partial<CommonOptions> = {}): Context =>
  createContext(host, { ...defaults, ...options }, new Map());
