/** The driver of the page tests itself: it finds a browser or says how to get one, and what it reports is so. */
import { expect, test } from "vitest";
import { findBrowser, firstOf, folder, insecureHost, serve, visit } from "./chromium.js";

const html = (body: string) => ({
  type: "text/html",
  body: `<!doctype html><link rel="icon" href="data:,">${body}`,
});
const script = (body: string) => ({ type: "text/javascript", body });

test("without a browser it says how to get one", () => {
  expect(() => findBrowser({ TFMC_CHROMIUM: "/nowhere/chromium" })).toThrow(/setup\.sh/);
});

test("the page has WebGPU where the context is secure, and no eval", async () => {
  const site = await serve(
    firstOf(
      (path) => (path === "/" ? html(`<script type="module" src="page.js"></script>`) : undefined),
      (path) =>
        path === "/page.js"
          ? script(`
let dynamic = "allowed";
try { new Function("return 1")(); } catch (error) { dynamic = error.name; }
const adapter = await navigator.gpu?.requestAdapter();
document.title = [dynamic, adapter?.info.architecture ?? typeof navigator.gpu, isSecureContext].join(" ");`)
          : undefined,
    ),
  );
  const titleAt = async (origin: string) => {
    const { page, close } = await visit(`${origin}/`);
    await page.waitForFunction(() => document.title !== "");
    const title = await page.title();
    await close();
    return title;
  };
  expect(await titleAt(site.origin)).toBe("EvalError swiftshader true");
  expect(await titleAt(`http://${insecureHost}:${site.port}`)).toBe("EvalError undefined false");
});

test("what goes wrong in a page is told", async () => {
  const site = await serve((path) =>
    path === "/"
      ? html(
          `<script src="a.js"></script><script src="missing.js"></script><img src="http://127.0.0.1:1/x.png">`,
        )
      : path === "/a.js"
        ? script(`console.error("one"); setTimeout(() => { throw new Error("two"); }, 0);`)
        : undefined,
  );
  const { complaints, requests } = await visit(`${site.origin}/`);
  for (const told of ["error: one", "uncaught: two", "404", "beyond the origin: http://127.0.0.1:1/x.png"])
    await expect.poll(() => complaints.join("\n")).toContain(told);
  expect(requests).toEqual(["/", "/a.js", "/missing.js"]);
});

test("a folder gives out its own files only", () => {
  const answer = folder(new URL(".", import.meta.url).pathname);
  expect(answer("/chromium.ts")?.body.length).toBeGreaterThan(100);
  expect([answer("/../setup.ts"), answer("/none.ts"), answer("/")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
