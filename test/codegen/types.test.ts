/** Emitted declarations as a strict project uses them: against the package's own, with neither the `dom` library nor Node's types. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
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

/** What `npm run build` writes for the runtime, under node_modules/tfmc. */
function installRuntime(): void {
  const options: ts.CompilerOptions = {
    ...{
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    },
    ...{
      types: ["@webgpu/types"],
      typeRoots: [join(root, "node_modules")],
      strict: true,
      skipLibCheck: true,
    },
    ...{
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: root,
      outDir: join(folder, "node_modules/tfmc/dist"),
    },
  };
  ts.createProgram([join(root, "runtime/index.ts")], options).emit();
  const { name, type, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  write("node_modules/tfmc/package.json", JSON.stringify({ name, type, exports }));
  write("package.json", `{ "type": "module" }`);
}

function errorsOf(file: string): readonly string[] {
  const program = ts.createProgram([join(folder, file)], {
    ...{
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      lib: ["lib.es2022.d.ts"],
      types: [],
    },
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true },
  });
  return ts.getPreEmitDiagnostics(program).map(({ file: at, start, messageText }) => {
    const line = at && start !== undefined ? at.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${at?.fileName.slice(folder.length + 1)}:${line} ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
}

test("a strict project compiles with them, and mistakes in inputs and outputs are found", async () => {
  installRuntime();
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
  expect(errorsOf("good.ts")).toEqual([]);
  expect(errorsOf("source/pairs.ts")).toEqual([]);
  write(
    "bad.ts",
    `${head}
await model.forward({ source: [[1]] });
await model.forward({ ...inputs, "target.nxt": [[1]] });
await model.forward(inputs).then(({ logit }) => logit);
await model.trainer().step({ ...inputs, "target.next": "x" });
`,
  );
  expect(errorsOf("bad.ts").map((error) => error.split(" ")[0])).toEqual(
    [5, 6, 7, 8].map((line) => `bad.ts:${line}`),
  );
}, 120_000);
