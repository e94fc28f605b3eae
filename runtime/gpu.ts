/** Where WebGPU comes from: the browser, else Dawn, loaded on demand. The one file that names Dawn. */
import { RuntimeError } from "./errors.js";

const powers: readonly string[] = ["high-performance", "low-power"];

/** The browser's WebGPU, else Dawn's. Whoever opens a device must keep the object for as long as the device lives. */
export async function loadGpu(adapter?: string): Promise<GPU> {
  const browser = typeof navigator === "undefined" ? undefined : (navigator as Partial<Navigator>).gpu;
  if (browser) return browser;
  if ("document" in globalThis || "WorkerGlobalScope" in globalThis)
    throw new RuntimeError(
      "TFM6001",
      "This browser offers no WebGPU here.",
      "It needs https: (or localhost).",
    );
  try {
    const dawn = await import("webgpu");
    // Dawn rounds timestamps to 100 µs against fingerprinting of pages.
    const exact = "disable-dawn-features=timestamp_quantization";
    return dawn.create(
      adapter === undefined || powers.includes(adapter) ? [exact] : [`adapter=${adapter}`, exact],
    );
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new RuntimeError("TFM6001", `WebGPU for Node did not load: ${why}.`, "Run `npm install webgpu`.", {
      cause,
    });
  }
}
