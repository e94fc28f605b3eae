/** Emitted declarations as a strict project uses them: against the package's own, with neither the `dom` library nor Node's types. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { emitModule } from "../../compiler/codegen/typescript.js";
import { compileModel } from "../support/program-runs.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "types-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** What tsc says, in a process of its own: it works for seconds, and the runner wants to hear from this one. */
async function tsc(name: string, options: object, files: readonly string[]): Promise<readonly string[]> {
  const config = join(folder, `${name}.json`);
  writeFileSync(config, JSON.stringify({ compilerOptions: { strict: true, ...options }, files }));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  try {
    await promisify(execFile)(process.execPath, [compiler, "-p", config], { cwd: folder });
    return [];
  } catch (error) {
    return (error as { stdout: string }).stdout.split("\n").filter((line) => /^\S/.test(line));
  }
}

const modules = { target: "es2022", module: "nodenext" };

/** What `npm run build` writes for the runtime, under node_modules/tfmc. */
async function installRuntime(): Promise<void> {
  const { name, type, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  write("node_modules/tfmc/package.json", JSON.stringify({ name, type, exports }));
  write("package.json", `{ "type": "module" }`);
  const outDir = join(folder, "node_modules/tfmc/dist");
  const emit = { declaration: true, emitDeclarationOnly: true, skipLibCheck: true, rootDir: root, outDir };
  const types = { lib: ["es2022", "dom"], types: ["@webgpu/types"], typeRoots: [join(root, "node_modules")] };
  expect(await tsc("runtime", { ...modules, ...emit, ...types }, [join(root, "runtime/index.ts")])).toEqual(
    [],
  );
}

test("a strict project compiles with them, and mistakes in inputs and outputs are found", async () => {
  await installRuntime();
  const source = readFileSync(new URL("../browser/page/pairs.tfm", import.meta.url), "utf8");
  const { files } = await emitModule(compileModel(source, {}).program);
  for (const [name, text] of Object.entries(files)) if (/\.ts$/.test(name)) write(name, text);
  // The declarations, and not the source beside them: both must hold.
  for (const name of ["pairs.ts", "pairs.cpu.d.ts"]) write(`source/${name}`, files[name]!);
  rmSync(join(folder, "pairs.ts"));
  const head = `import { Pairs } from "./pairs.js";
const model = await Pairs.load({ seed: 1 }, { device: "auto", onProgress: (loaded, total) => [loaded, total] });
const inputs = { source: [[1, 2]], target: Int32Array.of(1, 2) };\n`;
  write(
    "good.ts",
    `${head}
const { logits } = await model.forward({ ...inputs, "source.valid": [[1, 0]] });
const first: number | undefined = logits[0];
const shape: readonly number[] = logits.shape;
const trainer = model.trainer({ lr: 1e-3 });
const { loss } = await trainer.step({ ...inputs, "target.next": [[2, -1]] });
await trainer.step([inputs, inputs]);
const { perplexity } = await model.evaluate([inputs]);
for await (const id of model.generate([1], { maxNewTokens: 1 })) id.toFixed();
const bytes: Uint8Array = await model.save({ note: "x" });
await Pairs.load(new URL2("x"), {});
await Pairs.load(bytes);
model.dispose();
declare class URL2 { constructor(text: string); readonly href: string; readonly protocol: string }
export const all = [first, shape, loss, perplexity];
`,
  );
  write(
    "bad.ts",
    `${head}
await model.forward({ source: [[1]] });
await model.forward({ ...inputs, "target.nxt": [[1]] });
await model.forward(inputs).then(({ logit }) => logit);
await model.trainer().step({ ...inputs, "target.next": "x" });
`,
  );
  const strictest = { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true };
  const bare = { lib: ["es2022"], types: [] };
  const found = await tsc("project", { ...modules, ...strictest, ...bare }, [
    "good.ts",
    "source/pairs.ts",
    "bad.ts",
  ]);
  expect(found.map((error) => error.replace(/,.*/, ""))).toEqual(
    [5, 6, 7, 8].map((line) => `bad.ts(${line}`),
  );
}, 300_000);
