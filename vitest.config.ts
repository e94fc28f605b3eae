import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { ownProcess } from "./test/processes.js";

// Mesa reads this when its driver is loaded: here is early enough for every process of a run. A contraction costs
// a software driver about a second to compile, and milliseconds once it lies in this folder.
process.env.MESA_SHADER_CACHE_DIR ??= fileURLToPath(new URL(".cache/mesa", import.meta.url));
// The same driver without LLVM's optimisation passes: kernels here run for microseconds and compile for half a second.
process.env.GALLIVM_PERF ??= "nopt";

const workers = Math.max(2, Math.floor(availableParallelism() / 2));
const isolated = ownProcess(fileURLToPath(new URL(".", import.meta.url)));

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "own process",
          globalSetup: ["test/setup.ts"],
          include: [...isolated],
          // A native driver that crashes takes down its own file of tests only.
          pool: "forks",
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "shared",
          include: ["test/**/*.test.ts"],
          exclude: [...isolated],
          // The compiler is loaded once a thread: loading it takes longer than most of these files.
          pool: "threads",
          sequence: { groupOrder: 1 },
        },
      },
    ],
    poolOptions: {
      forks: { minForks: 1, maxForks: workers },
      threads: { minThreads: 1, maxThreads: workers, isolate: false },
    },
    // Against hanging, not against being slow: a busy machine with a cold shader cache takes half a minute for one program.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    teardownTimeout: 10_000,
    allowOnly: process.env.CI === undefined,
  },
});
