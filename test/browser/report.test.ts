/**
 * report.html as a reader opens it, in Chromium and from the disk: it draws, obeys its controls, asks nothing of any network,
 * and shows hostile names and texts as text. Pictures of it lie in .cache/screenshots afterwards.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Manifest } from "../../cli/compare/manifest.js";
import type { RunResult, VariantResult } from "../../cli/compare/results.js";
import { reportPage } from "../../cli/report/page.js";
import type { Resolved } from "../../cli/run-folder.js";
import { visit } from "./chromium.js";

const pictures = fileURLToPath(new URL("../../.cache/screenshots", import.meta.url));
const hostile = `</script><script>document.title="owned"</script><img src=x onerror="document.title='owned'">&amp;"'\u2028`;

// ------------------------------------------------------------------ made results

const resolved = (variant: number, seed: number): Resolved => ({
  ...{ format: 1, compiler: "0.1.0", file: "m.tfm", model: "m", settings: {}, imports: {} },
  ...{ data: "/somewhere/tales.txt", dataSha256: "0", tokenizer: "bytes", validation: "0.1" },
  ...{ batch: 4, length: 32, steps: 60, learningRate: variant === 1 ? 0.003 : 0.001 },
  ...{ scheduleSteps: 60, seed, evalEvery: 3, saveEvery: 12 },
});

function runOf(variant: number, seed: number, diverges: boolean): RunResult {
  const count = diverges ? 25 : 60;
  const steps = Array.from({ length: count }, (_, n) => ({
    step: n + 1,
    loss: diverges
      ? 3 + 1.2 ** n
      : 5.5 * Math.exp(-(n * (variant + 2)) / 200) + 0.05 * Math.sin(n * 7 + seed),
    gradientNorm: 1 + variant + Math.abs(Math.sin(n + seed)),
    learningRate: 1e-3 * Math.min(1, (n + 1) / 10),
    tokens: (n + 1) * 128,
    seconds: (n + 1) * (0.1 + 0.02 * variant),
  }));
  const layers = Array.from({ length: 7 }, (_, layer) => 0.1 * (1 + layer) ** (variant + 1));
  return {
    ...{ seed, folder: `runs/${variant}-${seed}`, resolved: resolved(variant, seed) },
    outcome: diverges
      ? { outcome: "diverged", step: 26, message: "diverged", sample: undefined }
      : {
          outcome: "done",
          step: 60,
          message: undefined,
          sample: variant === 1 ? hostile : "Once upon a time\n\tthere",
        },
    environment: { node: "v20", device: { kind: "cpu", description: hostile }, memory: 1 << 30 },
    steps,
    validations: steps
      .filter(({ step }) => step % 3 === 0)
      .map(({ step, loss }) => ({ step, loss: loss + 0.1 })),
    norms: [0, 20, 40, 60].map((step) => ({
      step,
      residual: { "layers.x": layers.map((value) => value * (1 + step / 20)) },
      gradient: { layers: layers.slice(1).map((value) => value / (1 + step)) },
    })),
  };
}

function variantOf(n: number, name: string, diverges = false): VariantResult {
  return {
    ...{ name, file: "m.tfm", model: name, parameters: 1000 + n, flops: 2e6, adjusted: null },
    text: `model m {\n  x = ${n === 1 ? hostile : "layer_norm(x)"}\n}`,
    arguments: { layers: "6", norm_at: n % 2 === 0 ? "pre" : hostile },
    recipe: null,
    runs: [1, 2, 3].map((seed) => runOf(n, seed, diverges && seed === 3)),
    finalValidation: { mean: 3 - n / 10, deviation: 0.01, count: 3 },
    bestValidation: { mean: 2.9, deviation: 0.01, count: 3 },
    training: { mean: 2.8, deviation: undefined, count: 1 },
    tokensPerSecond: 1234.5,
    diverged: diverges ? [{ seed: 3, step: 26 }] : [],
  };
}

const manifest = (variants: readonly VariantResult[]): Manifest => ({
  ...{
    format: 1,
    compiler: "0.1.0",
    command: ["compare", "m.tfm", "--set", "x=a b'c"],
    seeds: 3,
    match: null,
  },
  ...{ sameData: true, variants },
});

const few = [variantOf(0, "pre"), variantOf(1, hostile), variantOf(2, "wild", true)];
const many = Array.from({ length: 10 }, (_, n) =>
  variantOf(n, n === 3 ? `variant_${"with_a_very_long_name_".repeat(6)}` : `variant_${n}`),
);

vi.setConfig({ testTimeout: 120_000 });

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tfmc-report-"));
  mkdirSync(pictures, { recursive: true });
  writeFileSync(join(folder, "few.html"), reportPage(manifest(few), few));
  writeFileSync(join(folder, "many.html"), reportPage(manifest(many), many));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function open(name: string, options: BrowserContextOptions = {}) {
  const visited = await visit(pathToFileURL(join(folder, `${name}.html`)).href, {
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  await visited.page.waitForSelector("html.ready");
  return visited;
}

const picture = (page: Page, name: string) =>
  page.screenshot({ path: join(pictures, `report-${name}.png`), fullPage: true });

/** How many pixels of each chart are drawn on. */
const inkOf = (page: Page): Promise<readonly number[]> =>
  page.$$eval(".plot canvas", (all) =>
    all.map((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const { data } = (canvas as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, width, height);
      return data.filter((value, n) => n % 4 === 3 && value > 0).length;
    }),
  );

/** The pixels themselves, as one number a chart: whether anything changed. */
const drawnOf = (page: Page): Promise<readonly string[]> =>
  page.$$eval(".plot canvas", (all) => all.map((canvas) => (canvas as HTMLCanvasElement).toDataURL()));

// ------------------------------------------------------------------------- tests

test("it draws six charts and the maps, complains of nothing and asks for nothing", async () => {
  const { page, complaints, requests, close } = await open("few");
  const ink = await inkOf(page);
  expect(ink).toHaveLength(6);
  expect(Math.min(...ink)).toBeGreaterThan(1000);
  expect(await page.locator(".heat").count()).toBe(6);
  expect(complaints).toEqual([]);
  expect(requests.filter((path) => !path.endsWith("/few.html"))).toEqual([]);
  await picture(page, "desktop");
  await close();
});

test("the policy in its head forbids the network and every other script", async () => {
  const { page, close } = await open("few");
  const policy = (await page.getAttribute("meta[http-equiv]", "content"))!;
  expect(policy).toMatch(/^default-src 'none'; script-src ('sha256-[^']+' ?){2}; style-src /);
  expect(policy).not.toContain("unsafe");
  const tried = await page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'ran'";
    document.body.append(script);
    const fetched = await fetch("https://example.org/").then(
      () => "fetched",
      () => "refused",
    );
    return [document.title === "ran", fetched];
  });
  expect(tried).toEqual([false, "refused"]);
  await close();
});

test("hostile names and texts are text", async () => {
  const { page, close } = await open("few");
  expect(await page.title()).toContain("</script>");
  expect(await page.locator("img").count()).toBe(0);
  expect(await page.locator("script").count()).toBe(3);
  expect(await page.locator(".numbers tbody th").nth(1).textContent()).toBe(hostile);
  expect(await page.locator(".sample pre").nth(3).textContent()).toBe(hostile);
  expect(await page.locator("#variants .name").nth(1).textContent()).toBe(hostile);
  expect(await page.locator(".command").textContent()).toContain(`'x=a b'\\''c'`);
  await close();
});

describe("controls", () => {
  const acts: readonly (readonly [string, (page: Page) => Promise<unknown>])[] = [
    ["log scale", (page) => page.check("#logarithmic")],
    ["smoothing", (page) => page.fill("#smoothing", "80")],
    ["each seed", (page) => page.check("input[value=each]", { force: true })],
    ["time", (page) => page.check("input[value=seconds]", { force: true })],
    ["tokens", (page) => page.check("input[value=tokens]", { force: true })],
    ["the step of the norms", (page) => page.click("#norm-first")],
    ["hiding a model", (page) => page.click("#variants button >> nth=0")],
    ["showing it again", (page) => page.click("#variants button >> nth=0")],
  ];
  test("each draws anew", async () => {
    const { page, complaints, close } = await open("few");
    for (const [name, act] of acts) {
      const before = await drawnOf(page);
      await act(page);
      expect(await drawnOf(page), name).not.toEqual(before);
      expect(Math.min(...(await inkOf(page))), name).toBeGreaterThan(1000);
    }
    await picture(page, "controls");
    expect(complaints).toEqual([]);
    await close();
  });

  test("by keyboard alone: a model is hidden and shown, the cursor moves", async () => {
    const { page, close } = await open("few");
    const button = page.locator("#variants button").first();
    await button.focus();
    await page.keyboard.press("Space");
    expect(await button.getAttribute("aria-pressed")).toBe("false");
    expect(await page.locator("#curves figure").first().locator(".legend li").count()).toBe(2);
    await page.keyboard.press("Space");
    expect(await button.getAttribute("aria-pressed")).toBe("true");
    const chart = page.locator("#curves figure").nth(1);
    await chart.locator(".plot").focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    expect(await chart.locator(".at").textContent()).toBe("step 2");
    const first = few[0]!.runs.map(({ steps }) => steps[1]!.loss);
    const mean = first.reduce((sum, loss) => sum + loss, 0) / first.length;
    expect(await chart.locator(".legend .value").first().textContent()).toMatch(
      new RegExp(`^${Number(mean.toPrecision(4))} ± `),
    );
    await close();
  });

  test("all of them have names", async () => {
    const { page, close } = await open("few");
    const unnamed = await page.$$eval("input, button, .plot, svg[role=img]", (all) =>
      all
        .filter((one) => {
          const label =
            one.closest("label")?.textContent || one.getAttribute("aria-label") || one.textContent;
          return !label?.trim();
        })
        .map((one) => one.outerHTML.slice(0, 80)),
    );
    expect(unnamed).toEqual([]);
    await close();
  });
});

test.each<[string, string, BrowserContextOptions]>([
  ["few", "narrow", { viewport: { width: 400, height: 800 } }],
  ["few", "dark", { colorScheme: "dark" }],
  ["many", "many", {}],
  ["many", "many-narrow", { viewport: { width: 400, height: 800 }, colorScheme: "dark" }],
])("%s, %s: nothing stands over the edge", async (file, name, options) => {
  const { page, complaints, close } = await open(file, options);
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(wide).toBeLessThanOrEqual(room!);
  expect(Math.min(...(await inkOf(page)))).toBeGreaterThan(1000);
  expect(complaints).toEqual([]);
  await picture(page, name);
  await close();
});

test("ten models are told apart by colour and dashes", async () => {
  const { page, close } = await open("many");
  const styles = await page.$$eval("#variants line", (all) =>
    all.map((line) => `${line.getAttribute("stroke")} ${line.getAttribute("stroke-dasharray")}`),
  );
  expect(new Set(styles).size).toBe(10);
  await close();
});

test("on paper it is black on white, with every chart and legend and no controls", async () => {
  const { page, complaints, close } = await open("few", { colorScheme: "dark" });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(paper).toBe("rgb(255, 255, 255)");
  expect(await page.evaluate(() => getComputedStyle(document.body).color)).toBe("rgb(0, 0, 0)");
  expect(await page.locator("#curve-title ~ .controls").isVisible()).toBe(false);
  expect(await page.locator("#curves .legend").first().isVisible()).toBe(true);
  const first = await page.$eval("#curves .legend line", (line) => line.getAttribute("stroke"));
  expect(first).toBe("#0072b2");
  const pdf = await page.pdf({ path: join(pictures, "report.pdf"), format: "A4" });
  expect(pdf.byteLength).toBeGreaterThan(20_000);
  expect(complaints).toEqual([]);
  await picture(page, "print");
  await close();
});
