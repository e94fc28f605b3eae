/** Which text of a kernel runs: by device, by what was asked for, by lengths. */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Device } from "../../runtime/device.js";
import type { Kernel, KernelText, Variant } from "../../runtime/program.js";
import { createSession } from "../../runtime/session.js";
import type { KernelWish } from "../../runtime/variants.js";
import { kernelWish, plainText, variantOf, withVariant } from "../../runtime/variants.js";
import { toy } from "./toy.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

const text = (code: string): KernelText => ({ code, grid: [1, 1, 1], workgroup: [1, 1, 1], extents: [] });
const rows = [[1, "B", "T"]] as const;
const variant = (needs: Partial<Variant["needs"]>, when: Variant["when"] = []): Variant => ({
  wgsl: text("shared"),
  needs: { invocations: 128, workgroupBytes: 8192, ...needs },
  when,
});
const few: Variant["when"] = [{ size: rows, from: 0, below: 5 }];
const many: Variant["when"] = [{ size: rows, from: 16, below: null }];
const kernel = (...variants: readonly Variant[]): Kernel => ({ ...toy.kernels[0]!, variants });

type Capable = Pick<Device, "info" | "limits" | "features">;
function device(cooperative: boolean, features: readonly string[] = [], invocations = 256): Capable {
  const limits = {
    maxBufferSize: 2 ** 28,
    maxBindingSize: 2 ** 27,
    maxStorageBindings: 8,
    maxGroupsPerDimension: 65535,
    maxInvocations: invocations,
    maxWorkgroupBytes: 16384,
  };
  const info = { description: "", vendor: "", architecture: "", software: !cooperative, cooperative };
  return { info: { kind: "webgpu", ...info }, limits, features: new Set(features) };
}

describe("the variant of a kernel", () => {
  const both = kernel(variant({}, few), variant({ invocations: 256 }, many));

  test("follows the lengths", () => {
    const at = (B: number, T: number) => variantOf(both, device(true), { B, T });
    expect([at(1, 1), at(4, 1), at(5, 1), at(1, 15), at(2, 8), at(4, 512)]).toEqual([
      0,
      0,
      plainText,
      plainText,
      1,
      1,
    ]);
  });
  test("is not known before they are, unless it is the same for all", () => {
    expect(variantOf(both, device(true))).toBeUndefined();
    expect(variantOf(kernel(variant({})), device(true))).toBe(0);
    expect(variantOf(toy.kernels[0]!, device(true))).toBe(plainText);
    expect(variantOf(both, device(false))).toBe(plainText);
  });
  test("needs what the device has", () => {
    const wide = kernel(variant({ invocations: 512 }), variant({ workgroupBytes: 32768 }), variant({}));
    expect(variantOf(wide, device(true))).toBe(2);
    expect(variantOf(wide, device(true, [], 1024))).toBe(0);
    const subgroups = kernel(variant({ subgroups: true }));
    expect(variantOf(subgroups, device(true))).toBe(plainText);
    expect(variantOf(subgroups, device(true, ["subgroups"]))).toBe(0);
  });
});

test("what was asked for goes before the environment, and that before auto", () => {
  expect(kernelWish(undefined)).toBe("auto");
  vi.stubEnv("TFMC_KERNELS", "cooperative");
  expect(kernelWish(undefined)).toBe("cooperative");
  expect(kernelWish("plain")).toBe("plain");
  vi.stubEnv("TFMC_KERNELS", "fast");
  expect(() => kernelWish(undefined)).toThrow("There are no `fast` kernels");
  expect(() => kernelWish("quick" as KernelWish)).toThrow("There are no `quick` kernels");
});

test("a session compiles what it runs, once, and sees to lengths when they are bound", async () => {
  const compiled: string[] = [];
  const dispatched: (readonly number[])[] = [];
  const buffer = (size: number) => ({ size, destroy: () => undefined });
  const fake: Device = {
    ...device(true),
    createBuffer: buffer,
    write: () => undefined,
    fill: () => undefined,
    read: async () => [],
    compile: async (kernels) => {
      compiled.push(...kernels.map(({ name, wgsl }) => `${name}${wgsl.code === "shared" ? "*" : ""}`));
      return kernels.map((one) => ({ kernel: one }));
    },
    record: (steps) => {
      dispatched.push(steps[0]!.groups);
      return { steps, destroy: () => undefined };
    },
    run: async () => [],
    time: async () => [],
    idle: async () => undefined,
    dispose: () => undefined,
  };
  const [embed, ...others] = toy.kernels;
  const kernels = [{ ...embed!, variants: [variant({}, many)] }, ...others];
  const session = await createSession({ ...toy, kernels }, fake);
  expect(compiled).not.toContain("embed");
  await session.run("forward", { tokens: [[1]] });
  expect(compiled).toContain("embed");
  expect(compiled).not.toContain("embed*");
  const tokens = { data: new Int32Array(16), shape: [2, 8] };
  await session.run("forward", { tokens });
  await session.run("forward", { tokens: { data: new Int32Array(18), shape: [2, 9] } });
  expect(compiled.filter((name) => name.startsWith("embed"))).toEqual(["embed", "embed*"]);
  expect(dispatched[1]).toEqual([1, 1, 1]);
  expect(withVariant(kernels[0]!, 0).wgsl.code).toBe("shared");
});
