/**
 * (Kernel, device, lengths) → which of its texts for a GPU runs: a variant, or the barrier-free text that runs everywhere.
 *
 *   variantOf(contract, device, { B: 1, T: 1 }) = 0, at { B: 4, T: 512 } = 1, on a software adapter always plainText
 */
import type { Device } from "./device.js";
import { RuntimeError } from "./errors.js";
import type { Kernel, Variant } from "./program.js";
import type { Lengths } from "./sizes.js";
import { sizeOf } from "./sizes.js";

/** auto: cooperative kernels on GPUs, plain ones on adapters that run on the CPU, where barriers cost more than they save. */
export type KernelWish = "auto" | "plain" | "cooperative";

export const plainText = -1;

/** The number of the variant; undefined where it depends on lengths that are not given. */
export function variantOf(
  { variants = [] }: Kernel,
  device: Pick<Device, "info" | "limits" | "features">,
  lengths?: Lengths,
): number | undefined {
  if (!device.info.cooperative) return plainText;
  for (const [n, variant] of variants.entries()) {
    if (!canRun(device, variant)) continue;
    if (variant.when.length > 0 && !lengths) return undefined;
    if (variant.when.every((condition) => holds(condition, lengths ?? {}))) return n;
  }
  return plainText;
}

const canRun = ({ limits, features }: Pick<Device, "limits" | "features">, { needs }: Variant): boolean =>
  needs.invocations <= limits.maxInvocations &&
  needs.workgroupBytes <= limits.maxWorkgroupBytes &&
  (!needs.subgroups || features.has("subgroups"));

function holds({ size, from, below }: Variant["when"][number], lengths: Lengths): boolean {
  const value = sizeOf(size, lengths);
  return value >= from && (below === null || value < below);
}

/** The kernel with that text as its own. */
export const withVariant = (kernel: Kernel, variant: number): Kernel =>
  variant === plainText ? kernel : { ...kernel, wgsl: kernel.variants![variant]!.wgsl };

/** What was asked for, else what the environment variable TFMC_KERNELS says, else auto. */
export function kernelWish(asked: KernelWish | undefined): KernelWish {
  const { process } = globalThis as { process?: { env?: Readonly<Record<string, string | undefined>> } };
  const wish = asked ?? process?.env?.["TFMC_KERNELS"] ?? "auto";
  if (wish === "auto" || wish === "plain" || wish === "cooperative") return wish;
  throw new RuntimeError(
    "TFM6001",
    `There are no \`${wish}\` kernels (TFMC_KERNELS).`,
    "Use auto, plain or cooperative.",
  );
}
