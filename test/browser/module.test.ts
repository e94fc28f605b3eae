/** Emitted modules in Chromium: the same journey as in Node, on WebGPU and on the CPU, under a strict policy. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EmittedModule } from "../../compiler/codegen/typescript.js";
import { emitModule } from "../../compiler/codegen/typescript.js";
import { Model, openModel } from "../../runtime/model.js";
import { tensor } from "../../runtime/tensor.js";
import { writeWeights } from "../../runtime/weights.js";
import { tolerances } from "../support/closeness.js";
import { flat } from "../support/numbers.js";
import { compileModel, f32, numbersBy, randomBatch, sharedDevice } from "../support/program-runs.js";
import type { Site, Visit } from "./chromium.js";
import { browser, insecureHost, visit } from "./chromium.js";
import type { ModelClass, Outcome } from "./page/journey.js";
import { journey } from "./page/journey.js";
import { runTask, runtimeTexts, serveModules } from "./site.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const nano = compileModel(read("../../examples/nano.tfm"), {
  vocab: 13,
  context: 9,
  d: 15,
  layers: 2,
  heads: 3,
});
const pairs = compileModel(read("page/pairs.tfm"), {});

const batch = randomBatch(nano, { batch: 3, length: 7, vocab: 13 });
const shapes = new Map(nano.program.parameters.map(({ name, shape }) => [name, shape]));
const small = new Map([...batch.weights].map(([name, data]) => [name, data.map((x) => x / 3)]));
const file = writeWeights(new Map([...small].map(([name, data]) => [name, tensor(data, shapes.get(name)!)])));
const rows = (of: { readonly data: ArrayLike<number> }) =>
  [0, 1, 2].map((n) => flat(of as never).slice(7 * n, 7 * n + 7));
const given = { tokens: rows(batch.tokens), next: rows(batch.next), steps: 10, prompt: [1, 2, 3] };
const weights = "/weights.safetensors";
const place = { module: "/nano/nano.js", name: "Nano" };
const standalone = { module: "/nano/standalone.js", name: "Nano" };

/** The emitted class, but on this process's devices. */
const inNode = (program: typeof nano.program): ModelClass => ({
  load: async (from, options) =>
    new Model(
      await openModel(program, undefined, from, {
        device: await sharedDevice(options?.device === "webgpu" ? "webgpu" : "cpu"),
      }),
    ),
});
const made = new Map<string, Promise<Outcome>>();
function nodeJourney(device: "cpu" | "webgpu"): Promise<Outcome> {
  const outcome = made.get(device) ?? journey(inNode(nano.program), { ...given, device, weights: file });
  made.set(device, outcome);
  return outcome;
}

let site: Site;
let open: Visit;
let alone: EmittedModule;
beforeAll(async () => {
  alone = await emitModule(nano.program, { runtime: runtimeTexts() });
  const files = new Map<string, string | Uint8Array>([[weights, file]]);
  for (const { program } of [nano, pairs])
    for (const [name, text] of Object.entries((await emitModule(program)).files))
      files.set(`/${program.name}/${name}`, text);
  files.set("/nano/standalone.js", alone.files["nano.js"]!);
  site = await serveModules(files);
  open = await visit(`${site.origin}/`);
});

const furthest = (x: readonly number[], y: readonly number[]): number =>
  x.reduce((most, value, n) => Math.max(most, Math.abs(value - y[n]!)), 0);

/** But for rounding: logits as far from the exact ones as clean f32 explains, losses as calibrated for ten steps. */
function expectAgreement(found: Outcome, expected: Outcome): void {
  const small64 = { ...batch, weights: small };
  const [exact, clean] = [numbersBy(nano, small64), numbersBy(nano, small64, f32)];
  const bound = tolerances(exact.forward, clean.forward)["logits"]!;
  expect(furthest(found.logits, flat(exact.forward["logits"]!))).toBeLessThan(bound);
  found.losses.forEach((loss, n) => {
    // Measured: 2.7 units in the last place at most between Chromium's driver and the CPU, 1.4 to Dawn's. Four times that.
    expect(Math.abs(loss / expected.losses[n]! - 1)).toBeLessThan(11 * 2 ** -24);
  });
  expect(found.text).toEqual(expected.text);
  expect([found.same, found.device]).toEqual([true, expected.device]);
  expect(found.refusal).toContain("TFM6009");
}

// Chromium's software driver compiles each kernel anew for every device: seconds, and more on a busy machine.
describe("the module in a page", { timeout: 240_000 }, () => {
  test("on the CPU it is Node's to the bit: logits, losses, text, the saved file", async () => {
    const found = await runTask(open.page, "journey", { ...place, ...given, device: "cpu", weights });
    expect(found).toEqual(await nodeJourney("cpu"));
    expect(found.losses.at(-1)).toBeLessThan(found.losses[0]!);
  });

  test("on WebGPU it is Node's but for rounding", async () => {
    const found = await runTask(open.page, "journey", { ...place, ...given, device: "webgpu", weights });
    const [cpu, dawn] = [await nodeJourney("cpu"), await nodeJourney("webgpu")];
    expectAgreement(found, { ...cpu, device: "webgpu" });
    expectAgreement(found, dawn);
  });

  test("standalone, in a worker, it is the same", async () => {
    const { page, complaints, requests, close } = await visit(`${site.origin}/strict`);
    const asked = { ...standalone, ...given, weights };
    expect(await runTask(page, "worker", { ...asked, device: "cpu" })).toEqual(await nodeJourney("cpu"));
    const onGpu = await runTask(page, "worker", { ...asked, device: "webgpu", steps: 0 });
    expectAgreement(onGpu, { ...(await nodeJourney("cpu")), device: "webgpu" });
    expect([complaints, requests.filter((path) => path.startsWith("/runtime/"))]).toEqual([[], []]);
    await close();
  });

  test("two models at a time do not see each other", async () => {
    const asked = { ...place, ...given, weights };
    expect(await runTask(open.page, "two", { ...asked, device: "cpu", shared: false })).toBe(true);
    expect(await runTask(open.page, "two", { ...asked, device: "webgpu", shared: true })).toBe(true);
  });

  test("weights arrive with progress; aborts and absent files are told", async () => {
    const { progress, texts } = await runTask(open.page, "loading", { ...place, weights });
    expect(progress.at(-1)).toEqual([file.length, file.length]);
    expect(texts.slice(0, 2)).toEqual(["Error: enough", "Error: enough"]);
    expect(texts[2]).toMatch(/TFM6104.*\/nowhere\.safetensors.*404/);
    expect(open.complaints).toEqual([expect.stringContaining("404")]);
  });

  test("auto takes the CPU where the GPU is software or absent; asked for, WebGPU says why it is not there", async () => {
    expect(await runTask(open.page, "device", { ...place, wish: "auto" })).toBe("cpu");
    const insecure = await visit(`http://${insecureHost}:${site.port}/`);
    expect(await runTask(insecure.page, "device", { ...place, wish: "auto" })).toBe("cpu");
    expect(await runTask(insecure.page, "device", { ...place, wish: "webgpu" })).toMatch(/TFM6001.*https:/);
    await insecure.close();
  });

  test("an encoder–decoder with padding computes there what it computes here", async () => {
    const source = [
      [1, 2, 3, 4, 0],
      [5, 6, 0, 0, 0],
    ];
    const inputs = {
      source,
      target: [
        [1, 4, 3],
        [1, 6, 5],
      ],
    };
    const padded = { ...inputs, "source.valid": source.map((row) => row.map((id) => Math.sign(id))) };
    const found: (readonly number[])[] = [];
    for (const some of [inputs, padded]) {
      const here = await inNode(pairs.program).load({ seed: 1 }, { device: "cpu" });
      const expected = Array.from((await here.forward(some))["logits"]!);
      here.dispose();
      const asked = { module: "/pairs/pairs.js", name: "Pairs", inputs: some };
      found.push(await runTask(open.page, "forward", { ...asked, device: "cpu" }));
      expect(found.at(-1)).toEqual(expected);
      const onGpu = await runTask(open.page, "forward", { ...asked, device: "webgpu" });
      expect(furthest(onGpu, expected)).toBeLessThan(64 * 2 ** -24 * Math.max(...expected.map(Math.abs)));
    }
    expect(furthest(found[0]!, found[1]!)).toBeGreaterThan(0);
  });

  test("nothing was asked of other origins, and nothing complained", () => {
    expect(open.complaints.filter((text) => !/404|nowhere/.test(text))).toEqual([]);
  });

  test("where the GPU is lost the next call says so", async () => {
    const lost = runTask(open.page, "lost", { ...place, tokens: given.tokens });
    await open.page.waitForFunction(() => document.title === "open");
    const debug = await (await browser()).newBrowserCDPSession();
    // It never answers: what would have is gone.
    void debug.send("Browser.crashGpuProcess").catch(() => undefined);
    expect(await lost).toMatch(/TFM6006: The GPU was lost/);
  });
});

describe("the standalone module in Node", () => {
  const folder = mkdtempSync(join(tmpdir(), "standalone-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("is one script that imports nothing, and computes the same", async () => {
    const { files } = alone;
    expect(Object.keys(files)).toEqual(["nano.js", "nano.d.ts", "nano.wgsl", "program.json"]);
    expect(files["nano.js"]).not.toMatch(/^\s*import /m);
    const path = join(folder, "nano.mjs");
    writeFileSync(path, files["nano.js"]!);
    const { Nano, tfmc } = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as {
      readonly Nano: ModelClass;
      readonly tfmc: typeof import("../../runtime/index.js");
    };
    expect(await journey(Nano, { ...given, device: "cpu", weights: file })).toEqual(await nodeJourney("cpu"));
    expect(tfmc.byteTokenizer().decode([104, 105])).toBe("hi");
  });
});
