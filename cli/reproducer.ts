/**
 * An internal error → a file that holds what is needed to see it again: version, command line, sources, stack.
 */
import { join } from "node:path";
import type { Context } from "./context.js";
import { sha256, writeAtomic } from "./files.js";

/** The path written, or undefined where even that failed. */
export function writeReproducer(
  error: unknown,
  argv: readonly string[],
  compiler: string,
  context: Context,
): string | undefined {
  const document = {
    compiler,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    argv,
    message: error instanceof Error ? error.message : String(error),
    stack: error instanceof Error ? error.stack : undefined,
    sources: Object.fromEntries(context.sources),
  };
  const text = `${JSON.stringify(document, null, 2)}\n`;
  const path = join(context.host.temporaryFolder, `tfmc-internal-error-${sha256(text).slice(0, 12)}.json`);
  try {
    writeAtomic(path, text);
    return path;
  } catch {
    return undefined;
  }
}
