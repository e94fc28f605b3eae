/**
 * `tfmc doctor`: what this machine offers, what is missing, and the command that mends it.
 */
import { cpus, totalmem } from "node:os";
import { version } from "../compiler/version.js";
import { openDevice } from "../runtime/device.js";
import { RuntimeError } from "../runtime/errors.js";
import { loadGpu } from "../runtime/gpu.js";
import type { Context } from "./context.js";
import { print, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { reasonOf } from "./failure.js";
import type { AddCommand } from "./options.js";
import { bytes, count, table } from "./terminal.js";

interface Finding {
  readonly device: "webgpu" | "cpu";
  readonly usable: boolean;
  readonly description: string;
  readonly software: boolean;
  readonly limits: Readonly<Record<string, number>>;
  readonly features: readonly string[];
  /** What is missing, and the command that mends it. */
  readonly missing: string | undefined;
  readonly mend: string | undefined;
}

export const addDoctor: AddCommand = (program, action) => {
  program
    .command("doctor")
    .description("adapters, limits and features of this machine, and what is missing")
    .action(action(doctor));
};

async function doctor(context: Context): Promise<ExitCode> {
  const findings = [await examineGpu(context), await examine(context, "cpu")];
  const { device } = context.options;
  const asked = device === "auto" ? findings : findings.filter((finding) => finding.device === device);
  const auto = findings[0]!.usable && !findings[0]!.software ? "webgpu" : "cpu";
  const machine = {
    node: process.version,
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memory: totalmem(),
  };
  if (context.options.json) printJson(context, { version, ...machine, auto, devices: findings });
  else print(context, report(context, machine, findings, auto));
  return asked.some(({ usable }) => usable) ? 0 : 3;
}

async function examineGpu(context: Context): Promise<Finding> {
  try {
    await loadGpu(context.host.environment["TFMC_ADAPTER"]);
  } catch (error) {
    return unusable("webgpu", error, "npm install webgpu");
  }
  return examine(context, "webgpu");
}

async function examine(context: Context, kind: "webgpu" | "cpu"): Promise<Finding> {
  try {
    const device = await openDevice({ device: kind, adapter: context.host.environment["TFMC_ADAPTER"] });
    const { description, software } = device.info;
    const finding = {
      device: kind,
      usable: true,
      description,
      software,
      limits: { ...device.limits },
      features: [...device.features].sort(),
      missing: undefined,
      mend: undefined,
    };
    device.dispose();
    return finding;
  } catch (error) {
    return unusable(kind, error, mendFor(process.platform));
  }
}

/** A driver that Dawn can load: Vulkan on Linux, the system's own elsewhere. */
const mendFor = (platform: NodeJS.Platform): string | undefined =>
  platform === "linux"
    ? "bash scripts/setup.sh    (a source checkout: installs Mesa's software Vulkan driver where there is no GPU)"
    : undefined;

function unusable(device: "webgpu" | "cpu", error: unknown, mend: string | undefined): Finding {
  const missing = error instanceof RuntimeError ? error.message.replace(/^TFM\d+: /, "") : reasonOf(error);
  return { device, usable: false, description: "", software: false, limits: {}, features: [], missing, mend };
}

type Machine = {
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  readonly memory: number;
};

function report(context: Context, machine: Machine, findings: readonly Finding[], auto: string): string {
  const style = context.outStyle;
  const head = `tfmc ${version} · Node ${machine.node} · ${machine.processor} · ${machine.cores} cores · ${bytes(machine.memory)}`;
  const parts = findings.map((finding) => {
    if (!finding.usable) {
      const mend = finding.mend === undefined ? [] : [`  to mend it: ${finding.mend}`];
      return [`${style.red("✗")} ${style.bold(finding.device)}: ${finding.missing}`, ...mend].join("\n");
    }
    const nature = finding.device === "cpu" ? "" : finding.software ? " (software)" : " (hardware)";
    return [
      `${style.green("✓")} ${style.bold(finding.device)}: ${finding.description}${nature}`,
      details(finding),
    ].join("\n");
  });
  return [head, ...parts, `\`--device auto\` takes ${auto}.`].join("\n\n");
}

function details({ limits, features }: Finding): string {
  const rows = Object.entries(limits).map(([name, value]) => [`  ${name}`, limitText(name, value)]);
  return [
    table(rows, ["left", "right"]),
    `  features  ${features.length > 0 ? features.join(", ") : "none"}`,
  ].join("\n");
}

function limitText(name: string, value: number): string {
  if (!Number.isFinite(value)) return "none";
  return name.endsWith("Size") ? bytes(value) : count(value);
}
