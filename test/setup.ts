/**
 * Before any test: a real WebGPU device answers, or the run stops here. Kernels that no device ran are not tested.
 * Asked in a process of its own, so that a driver that crashes while loading is a message, not a dead test run.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

export default function setup(): void {
  if (process.env.MESA_SHADER_CACHE_DIR) mkdirSync(process.env.MESA_SHADER_CACHE_DIR, { recursive: true });
  const script = fileURLToPath(new URL("../scripts/adapter.mjs", import.meta.url));
  try {
    const adapter = execFileSync(process.execPath, [script], { encoding: "utf8", stdio: "pipe" });
    process.stderr.write(`WebGPU adapter: ${adapter.trim()}\n`);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || String(error);
    throw new Error(`The tests need a WebGPU device and this machine gives none.
Run \`bash scripts/setup.sh\`: it installs a software driver where there is no GPU.

Dawn said:
${said}`);
  }
}
