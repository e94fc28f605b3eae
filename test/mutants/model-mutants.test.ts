/** Every fault in a pass that models alone exercise, in a printed kernel or in the plan of memory is noticed, by the checks that `tfmc verify` makes. */
import { describe, expect, test } from "vitest";
import { compareOnDevice } from "../../cli/verify/device.js";
import { emitProgram } from "../../compiler/codegen/program.js";
import { compile } from "../../compiler/index.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import { smallLengths } from "../../compiler/laws/lengths.js";
import { checkPasses } from "../../compiler/laws/passes.js";
import { prepare } from "../../compiler/laws/verify.js";
import { runModelPasses } from "../../compiler/passes/pipeline.js";
import { usualLengths } from "../../compiler/passes/usual-lengths.js";
import type { Program } from "../../runtime/program.js";
import { built, read } from "../build/support.js";
import { createTestHost, testContext } from "../cli/host.js";
import {
  decoder,
  inPlaceMutants,
  kernelMutants,
  passMutants,
  sharing,
  withKernels,
} from "./model-mutants.js";
import { mutants } from "./mutants.js";

test("mutants are at least 60", () =>
  expect(
    mutants.length + passMutants.length + kernelMutants.length + inPlaceMutants.length,
  ).toBeGreaterThanOrEqual(60));

test.each(passMutants)("$pass: $name", async ({ pass, passes, modelPasses }) => {
  await new Promise((resolve) => setImmediate(resolve)); // The runner is to be heard from in between.
  const builder = createBuilder();
  const model = built(decoder, { builder });
  const { entries } = checkPasses(model, undefined, {
    ...{ builder, passes, modelPasses, seed: 1, only: ["forward", "grad"] },
    ...{ lengths: smallLengths(model), span: { file: "m.tfm", start: 0, end: 0 } },
  });
  const messages = entries.flatMap(({ diagnostics }) => diagnostics.map(({ message }) => message));
  expect(messages[0]).toContain(`The pass ${pass} changes what \``);
});

describe("on the CPU", () => {
  const { program, schedule, built: model, builder } = compile(decoder, { only: ["forward", "grad"] });
  const lengths = usualLengths(model!);
  const packed = runModelPasses(model!, { level: 2, builder, lengths }).built;
  const { prepared } = prepare({ model: read(decoder), resolve: () => undefined });
  const compared = (one: Program) => compareOnDevice(testContext(createTestHost()), prepared[0]!, one, 1);

  test("without a fault nothing is noticed", async () =>
    expect(await compared(program!)).toMatchObject({ diagnostics: [], entries: ["forward", "grad"] }));

  test.each(kernelMutants)("$kernels: $name", async (mutant) => {
    const { program: wrong, count } = withKernels(program!, mutant);
    expect(count).toBeGreaterThan(0);
    expect((await compared(wrong)).diagnostics.map(({ code }) => code)).toEqual(["TFM7007"]);
  });

  test.each(inPlaceMutants)("%s over what it reads", async (op) => {
    const wrong = sharing(schedule!, op)!;
    const noticed = async (): Promise<string> => {
      const made = emitProgram(wrong, packed, { compiler: "0", source: "0" });
      return (await compared(made)).diagnostics.map(({ code }) => code).join();
    };
    // Where one kernel would write before it has read, or bind a place twice, it does not come to numbers.
    expect(await noticed().catch((error: Error) => error.message)).toMatch(
      /^TFM7007$|in place of an input|overlapping places/,
    );
  });
});
