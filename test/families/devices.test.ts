/** Some of the families' models, compiled: the CPU device against PyTorch's numbers, and one on WebGPU. */
import { expect, test } from "vitest";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import type { Level } from "../../compiler/passes/pass.js";
import { familyReferences, familyText, readFamily } from "../support/families.js";
import { flat } from "../support/numbers.js";
import type { DeviceKind } from "../support/program-runs.js";
import { compileModel, openSession } from "../support/program-runs.js";

/** f32 against f64, through softmaxes and norms of a few dozen terms: roundings of the largest element. */
const relative = 96 * 2 ** -24;
const largest = (values: readonly number[]): number => Math.max(0, ...values.map(Math.abs));
const distance = (found: ArrayLike<number>, wanted: Tensor<number>): number =>
  largest(flat(wanted).map((v, n) => v - found[n]!));

const compared: readonly [string, DeviceKind, Level?][] = [
  ["seq2seq_2017", "cpu"],
  ["seq2seq_2017", "cpu", 1],
  ["seq2seq_2017", "cpu", 0],
  ["seq2seq_t5", "cpu"],
  ["encoder_labels", "cpu"],
  ["encoder_shaw", "cpu"],
  ["decoder_dual", "cpu"],
  ["decoder_xpos", "cpu"],
  ["decoder_moe", "cpu"],
  ["encoder_labels", "webgpu"],
];

test.each(compared)(
  "%s on %s, level %s",
  async (name, kind, level = 2) => {
    const { family, settings } = familyReferences[name]!;
    const { tensors, inputs } = readFamily(name);
    const model = compileModel(familyText(family, settings), {}, level);
    const session = await openSession(model, kind);
    session.writeParameters(
      new Map(
        model.program.parameters.map((p) => [
          p.name,
          Float32Array.from(flat(tensors.get(`weights.${p.name}`)!)),
        ]),
      ),
    );
    const given = Object.fromEntries(
      Object.entries(inputs).map(([key, value]) => [key, { data: flat(value), shape: value.sizes }]),
    );
    const needed = (entry: "forward" | "grad") =>
      Object.fromEntries(
        model.program.entries[entry]!.inputs.filter((key) => key in given).map((key) => [key, given[key]!]),
      );
    const scalars = { lr: 1e-3, seed: 0, step: 1 };
    const { logits } = await session.run("forward", needed("forward"), scalars, { read: ["logits"] });
    const wanted = tensors.get("logits")!;
    expect(distance(logits!, wanted)).toBeLessThan(relative * largest(flat(wanted)));
    const names = model.program.entries.grad!.outputs.map((output) => output.name);
    const outputs = await session.run("grad", needed("grad"), scalars, { read: names });
    const mean = outputs["loss.sum"]![0]! / outputs["loss.count"]![0]!;
    expect(Math.abs(mean - tensors.get("loss")!.data[0]!)).toBeLessThan(relative * largest(flat(wanted)));
    const scale = largest(model.program.parameters.flatMap((p) => flat(tensors.get(`grad.${p.name}`)!)));
    for (const { name: parameter, leaf, turn } of model.built.parameters) {
      const gradient = tensors.get(`grad.${parameter}`)!;
      const from = (turn ?? 0) * gradient.data.length;
      const own = Array.from(outputs[`grad.${leaf}`]!).slice(from, from + gradient.data.length);
      const far = distance(own, gradient) / scale;
      expect(far < relative ? "near" : far, parameter).toBe("near");
    }
    session.dispose();
  },
  600_000,
);
