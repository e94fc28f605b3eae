import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Mesa reads this when its driver is loaded: here is early enough for every process of a run. A contraction costs
// a software driver about a second to compile, and milliseconds once it lies in this folder.
process.env.MESA_SHADER_CACHE_DIR ??= fileURLToPath(new URL(".cache/mesa", import.meta.url));
// The same driver without LLVM's optimisation passes: kernels here run for microseconds and compile for half a second.
process.env.GALLIVM_PERF ??= "nopt";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/setup.ts"],
    // Processes, not threads: a native driver that crashes takes down its own file of tests only, and Mesa sees
    // the environment of a process, not that of a thread.
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: Math.max(2, Math.floor(availableParallelism() / 2)) } },
    // Against hanging, not against being slow: a busy machine with a cold shader cache takes half a minute for one program.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    teardownTimeout: 10_000,
    allowOnly: process.env.CI === undefined,
  },
});
