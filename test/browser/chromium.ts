/**
 * A folder → a page of it in headless Chromium, with WebGPU on Chromium's own software driver. One browser for a file of tests,
 * launched when first asked for.
 *
 *   const site = await serve(folder("report"));
 *   const { page, complaints } = await visit(`${site.origin}/report.html`);
 *   expect(complaints).toEqual([]);
 */
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, extname, join, resolve, sep } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { chromium } from "playwright-core";
import { afterAll } from "vitest";

// ---- the browser

/** An origin of this name is served from this machine over plain http: no secure context, so no WebGPU. */
export const insecureHost = "insecure.test";

const flags = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  `--host-resolver-rules=MAP ${insecureHost} 127.0.0.1`,
];

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];

/** TFMC_CHROMIUM, else the first Chromium or Chrome on the PATH, else the one that playwright installed. */
export function findBrowser(environment: NodeJS.ProcessEnv = process.env): string {
  const named = environment.TFMC_CHROMIUM;
  const folders = (environment.PATH ?? "").split(delimiter).filter((path) => path !== "");
  const candidates = named
    ? [named]
    : [...folders.flatMap((path) => names.map((name) => join(path, name))), chromium.executablePath()];
  const found = candidates.find(isExecutable);
  if (found) return found;
  const why = named ? `TFMC_CHROMIUM is ${named}, and that is no program.` : "This machine has none.";
  throw new Error(`These tests need Chromium. ${why}
Run \`bash scripts/setup.sh\`: it installs one from the machine's apt sources. Elsewhere install Chromium or Chrome,
or run \`npx playwright-core install chromium\`; TFMC_CHROMIUM names one that is not on the PATH.`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

let launched: Promise<Browser> | undefined;
const servers: Server[] = [];

export function browser(): Promise<Browser> {
  launched ??= chromium.launch({ executablePath: findBrowser(), args: flags });
  return launched;
}

afterAll(async () => {
  if (launched) await (await launched).close();
  for (const server of servers.splice(0)) server.close();
});

// ---- the site

/** What answers a path (`/`, `/nano.js`), or undefined: then it is 404. */
export type Answer = (
  path: string,
) => { readonly type: string; readonly body: string | Uint8Array } | undefined;

export interface Site {
  /** `http://127.0.0.1:PORT`, a secure context. */
  readonly origin: string;
  readonly port: number;
}

/** Scripts and styles from the origin only, no inline ones, no `eval`; nothing from elsewhere. */
export const strictPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; worker-src 'self'; base-uri 'none'";

export async function serve(answer: Answer, policy: string | undefined = strictPolicy): Promise<Site> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://site").pathname);
    const found = answer(path);
    if (policy !== undefined) response.setHeader("content-security-policy", policy);
    response.setHeader("content-type", found?.type ?? "text/plain");
    response.statusCode = found ? 200 : 404;
    response.setHeader("content-length", found ? Buffer.byteLength(found.body) : 0);
    response.end(found?.body);
  });
  servers.push(server);
  await new Promise<void>((listening) => {
    server.listen(0, "127.0.0.1", listening);
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port };
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};
export const typeOf = (path: string): string => types[extname(path)] ?? "application/octet-stream";

/** The files of a folder; `/` is its index.html. */
export function folder(root: string): Answer {
  const top = resolve(root);
  return (path) => {
    const file = join(top, path.endsWith("/") ? `${path}index.html` : path);
    if (!file.startsWith(top + sep) || !existsSync(file) || !statSync(file).isFile()) return undefined;
    return { type: typeOf(file), body: readFileSync(file) };
  };
}

/** The first that answers. */
export const firstOf =
  (...answers: readonly Answer[]): Answer =>
  (path) => {
    for (const answer of answers) {
      const found = answer(path);
      if (found) return found;
    }
    return undefined;
  };

// ---- the visit

export interface Visit {
  readonly page: Page;
  /** Errors and warnings of the console, uncaught errors, refused loads, requests beyond the origin. Grows as they come. */
  readonly complaints: readonly string[];
  /** Paths that the page asked of its origin, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export async function visit(url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await (await browser()).newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  const { origin } = new URL(url);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()))
      complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
  page.on("request", (request) => {
    const target = new URL(request.url());
    if (/^(data|blob):$/.test(target.protocol)) return;
    if (target.origin === origin) requests.push(target.pathname);
    else complaints.push(`beyond the origin: ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints, requests, close: () => context.close() };
}
