/** Where weights come from → their bytes: an address or (in Node) a file, a Response, a Blob, or the bytes themselves. */
import { RuntimeError } from "./errors.js";
import type { AbortSignalLike, BlobLike, ResponseLike, UrlLike } from "./web.js";

export type ByteSource = string | UrlLike | Uint8Array | ArrayBuffer | BlobLike | ResponseLike;

/** Told while bytes arrive; `total` is undefined where the server does not say. */
export type OnProgress = (loaded: number, total: number | undefined) => void;

export interface FetchOptions {
  readonly onProgress?: OnProgress | undefined;
  /** Ends a download by throwing the signal's reason. */
  readonly signal?: AbortSignalLike | undefined;
}

export async function bytesOf(source: ByteSource, options: FetchOptions = {}): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (source instanceof Response) return readResponse(source, options);
  const address = source as string | URL;
  try {
    if (isFile(address)) return await readFile(address);
    const signal = (options.signal ?? null) as AbortSignal | null;
    return await readResponse(await fetch(address, { signal }), options);
  } catch (cause) {
    if (cause instanceof RuntimeError) throw cause;
    options.signal?.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RuntimeError("TFM6104", `\`${address}\` could not be read: ${why}`, undefined, { cause });
  }
}

const inPage = (): boolean => "document" in globalThis || "WorkerGlobalScope" in globalThis;

function isFile(source: string | URL): boolean {
  if (source instanceof URL) return source.protocol === "file:";
  return !inPage() && !/^(https?|data|blob):/.test(source);
}

async function readFile(path: string | URL): Promise<Uint8Array> {
  const name = "node:fs/promises"; // in a variable: bundlers for pages need not resolve what pages never reach
  const files = (await import(/* @vite-ignore */ name)) as {
    readFile(path: string | URL): Promise<Uint8Array>;
  };
  const local = typeof path === "string" && path.startsWith("file:") ? new URL(path) : path;
  return files.readFile(local);
}

async function readResponse(response: Response, { onProgress }: FetchOptions): Promise<Uint8Array> {
  if (!response.ok)
    throw new RuntimeError(
      "TFM6104",
      `\`${response.url}\` answered ${response.status} ${response.statusText}.`,
    );
  if (!onProgress || !response.body) return new Uint8Array(await response.arrayBuffer());
  const header = response.headers.get("content-length");
  const total = header === null ? undefined : Number(header);
  const chunks: Uint8Array[] = [];
  let loaded = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    chunks.push(part.value);
    loaded += part.value.length;
    onProgress(loaded, total);
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
