// Runs every test and ends with the line `N passed, N failed`. Exits 1 where one failed, or where none ran.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv, execPath, exit } from "node:process";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const report = join(root, ".cache/test-report.json");
mkdirSync(dirname(report), { recursive: true });
rmSync(report, { force: true }); // an old one must not speak for a run that died

const vitest = join(root, "node_modules/vitest/vitest.mjs");
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
const run = spawnSync(execPath, [vitest, "run", ...reporters, ...argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});

/** A file of tests that could not be loaded counts as one failure: its tests are not in the report. */
function count() {
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, "utf8"));
    /** @type {readonly { status: string, assertionResults: readonly { status: string }[] }[]} */
    const files = testResults;
    const broken = files.filter(
      (file) => file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed"),
    ).length;
    return { passed: Number(numPassedTests), failed: Number(numFailedTests) + broken };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

const { passed, failed } = count();
const good = run.status === 0 && failed === 0 && passed > 0;
if (run.status !== 0 && failed === 0) console.log("vitest failed outside of any test (above)");
console.log(`${passed} passed, ${good ? 0 : Math.max(failed, 1)} failed`);
exit(good ? 0 : 1);
