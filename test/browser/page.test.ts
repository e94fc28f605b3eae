/** The example page as `npm run page` serves it: it trains, writes, and asks for nothing beyond its origin. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPage, servePage } from "../../examples/page/serve.mjs";
import type { Visit } from "./chromium.js";
import { visit } from "./chromium.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const screenshots = new URL("../../.cache/screenshots/", import.meta.url);

let server: Awaited<ReturnType<typeof servePage>>;
beforeAll(async () => {
  mkdirSync(screenshots, { recursive: true });
  await buildPage();
  server = await servePage(0);
});
afterAll(() => server.close());

const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).textContent()) ?? "";

async function trainFor({ page }: Visit, steps: number, device: string): Promise<string> {
  await page.getByRole("spinbutton").fill(String(steps));
  await page.getByLabel("Device").selectOption(device);
  await page.getByRole("button", { name: "Train" }).click();
  await page
    .getByText(/parameters learnt/)
    .or(page.getByRole("alert"))
    .waitFor({ timeout: 100_000 });
  return textOf(page, "#status");
}

describe("the example page", { timeout: 120_000 }, () => {
  test("trains on the tales, shows the curve and goes on with a text", async () => {
    const open = await visit(server.address, { viewport: { width: 900, height: 1200 } });
    const { page, complaints, requests } = open;
    await expect
      .poll(() => page.getByLabel("Text to learn from").inputValue())
      .toContain("Who made the waves?");
    expect(await trainFor(open, 30, "auto")).toMatch(
      /^30,080 parameters learnt for 30 steps on the CPU\. Loss .* [23]\.\d\d\.$/,
    );
    expect(await page.getByRole("img").getAttribute("aria-label")).toMatch(
      /^Loss after 30 steps: from 4\.\d/,
    );
    expect((await page.locator("#chart .training").getAttribute("points"))?.split(" ")).toHaveLength(30);
    await page.getByRole("button", { name: "Generate" }).click();
    await expect.poll(async () => (await textOf(page, "#written")).length, { timeout: 60_000 }).toBe(244);
    expect(await textOf(page, "#written")).toMatch(/^The /);
    await page.screenshot({ fullPage: true, path: fileURLToPath(new URL("page.png", screenshots)) });
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save weights" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("letters.safetensors");
    expect(complaints).toEqual([]);
    expect([...new Set(requests)].sort()).toEqual([
      "/",
      "/chart.js",
      "/dist/letters.js",
      "/dist/tales.txt",
      "/main.js",
      "/style.css",
      "/worker.js",
    ]);
    await open.close();
  });

  test("trains on WebGPU, on a text of one's own, on a small dark screen", async () => {
    const open = await visit(server.address, { viewport: { width: 360, height: 1500 }, colorScheme: "dark" });
    const { page, complaints } = open;
    await page.getByLabel("Text to learn from").fill("ab ".repeat(400));
    expect(await trainFor(open, 2, "webgpu")).toContain("for 2 steps on the GPU (");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await page.screenshot({ fullPage: true, path: fileURLToPath(new URL("page-dark.png", screenshots)) });
    expect(complaints).toEqual([]);
    await open.close();
  });

  test("says what is wrong: too little text, no GPU; stops when told", async () => {
    const open = await visit(server.address);
    const { page, complaints } = open;
    const text = page.getByLabel("Text to learn from");
    const tales = readFileSync(`${root}/examples/data/tales.txt`, "utf8");
    await expect.poll(() => text.inputValue()).toBe(tales);
    await text.fill("too short");
    await page.getByRole("button", { name: "Train" }).click();
    expect(await textOf(page, "#error")).toMatch(/at least 200 letters/);
    await text.fill(tales);
    await page.getByLabel("Device").selectOption("cpu");
    await page.getByRole("spinbutton").fill("5000");
    await page.getByRole("button", { name: "Train" }).click();
    await page.getByText(/^Step [1-9]/).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText(/parameters learnt/).waitFor();
    expect(await page.getByRole("alert").isHidden()).toBe(true);
    expect(complaints).toEqual([]);
    await open.close();
  });

  test("its scripts hold to their types", async () => {
    const compiler = `${root}/node_modules/typescript/bin/tsc`;
    await promisify(execFile)(process.execPath, [compiler, "-p", `${root}/examples/page`]);
  });

  test("what it loads is small", () => {
    const size = (path: string) =>
      gzipSync(readFileSync(`${root}/examples/page/${path}`), { level: 9 }).length;
    const own = ["index.html", "style.css", "main.js", "chart.js", "worker.js"];
    expect(own.reduce((sum, path) => sum + size(path), 0)).toBeLessThan(12_000);
    expect(size("dist/letters.js")).toBeLessThan(110_000);
  });
});
