// examples/page → the page, ready in a browser: compiles its model with the built tfmc, copies the tales, and serves the folder on
// this machine. What it serves is static: any other server of files does as well after `--build`.
//
//   node examples/page/serve.mjs [--port 8080] [--build]
import { execFile } from "node:child_process";
import { copyFileSync, createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { argv, execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const here = fileURLToPath(new URL(".", import.meta.url)).replace(/[\\/]$/, "");
const root = join(here, "../..");

const types = new Map([
  [".html", "text/html; charset=utf-8"],
  [".js", "text/javascript; charset=utf-8"],
  [".css", "text/css; charset=utf-8"],
  [".txt", "text/plain; charset=utf-8"],
  [".tfm", "text/plain; charset=utf-8"],
]);

export async function buildPage() {
  const model = join(here, "letters.tfm");
  const compiler = join(root, "dist/cli/main.js");
  const command = [compiler, "compile", model, "--standalone", "-o", join(here, "dist")];
  await promisify(execFile)(execPath, command);
  copyFileSync(join(root, "examples/data/tales.txt"), join(here, "dist/tales.txt"));
}

/** @param {string} path */
function fileOf(path) {
  const file = join(here, path.endsWith("/") ? `${path}index.html` : path);
  const type = types.get(extname(file));
  if (!type || !file.startsWith(here + sep)) return undefined;
  const isFile = statSync(file, { throwIfNoEntry: false })?.isFile();
  return isFile ? { file, type } : undefined;
}

/**
 * The address once it listens.
 * @param {number} port
 * @returns {Promise<{ address: string, close: () => void }>}
 */
export function servePage(port) {
  const server = createServer((request, response) => {
    const found = fileOf(decodeURIComponent(new URL(request.url ?? "/", "http://page").pathname));
    response.writeHead(found ? 200 : 404, {
      "content-type": found?.type ?? "text/plain",
      "cache-control": "no-cache",
    });
    if (found) createReadStream(found.file).pipe(response);
    else response.end("not here\n");
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      const bound = typeof address === "object" && address ? address.port : port;
      resolve({ address: `http://localhost:${bound}/`, close: () => server.close() });
    });
  });
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { port: { type: "string", default: "8080" }, build: { type: "boolean", default: false } },
  });
  await buildPage();
  if (!values.build) {
    const { address } = await servePage(Number(values.port));
    console.log(`The page is at ${address}; Ctrl-C ends it.`);
  }
}
