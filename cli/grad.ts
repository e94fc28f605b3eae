/**
 * `tfmc grad FILE --weights W --inputs I --outputs G`: the loss and the gradient of every parameter.
 */
import type { Program } from "../runtime/program.js";
import type { Tensor } from "../runtime/tensor.js";
import { tensor } from "../runtime/tensor.js";
import type { Context } from "./context.js";
import { log, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import type { ModelOptions } from "./load.js";
import { loadModel } from "./load.js";
import type { AddCommand } from "./options.js";
import { several } from "./options.js";
import { withSession } from "./session.js";
import { readInputsFile, readWeightsFile, writeTensorsFile } from "./tensor-files.js";

interface GradOptions extends ModelOptions {
  readonly weights: string;
  readonly inputs: string;
  readonly outputs: string;
}

export const addGrad: AddCommand = (program, action) => {
  program
    .command("grad")
    .description("compute a model's loss and the gradient of every parameter")
    .argument("<file>", "a `.tfm` file, or - for standard input")
    .requiredOption("--weights <file>", "safetensors: one tensor per parameter")
    .requiredOption(
      "--inputs <file>",
      "safetensors: one tensor per input, targets included, batch axis first",
    )
    .requiredOption("--outputs <file>", "safetensors to write: `loss` and `grad.<parameter>`")
    .option("--set <name=value>", "an argument of the model (repeatable)", several, [])
    .option("--model <name>", "which model of the file")
    .action(action(grad));
};

async function grad(context: Context, path: string, options: GradOptions): Promise<ExitCode> {
  const loaded = await loadModel(context, path, options);
  if (!loaded) return 1;
  const { program } = loaded;
  if (!program.entries.grad)
    fail(
      "no-loss",
      `\`${program.name}\` has no loss, so it has no gradient`,
      "add a `loss` statement to the model",
    );
  const weights = readWeightsFile(program, options.weights);
  const inputs = readInputsFile(context, program, "grad", options.inputs);
  const seed = context.options.seed ?? 0;
  const read = ["loss.sum", "loss.count", ...gradientNames(program)];
  const outputs = await withSession(context, program, weights, ["grad"], ({ session }) =>
    session.run("grad", inputs, { seed, step: 0 }, { read }),
  );
  const loss = meanLoss(outputs["loss.sum"]!, outputs["loss.count"]!);
  const gradients = gradientNames(program).map((name): [string, Tensor] => [name, outputs[name]!]);
  writeTensorsFile(options.outputs, [["loss", tensor(Float32Array.of(loss), [])], ...gradients]);
  if (context.options.json) printJson(context, { loss, gradients: gradients.length, file: options.outputs });
  else log(context, `loss ${loss.toFixed(6)}; wrote ${gradients.length} gradients to ${options.outputs}`);
  return 0;
}

/** Of every parameter that the loss can change. */
const gradientNames = (program: Program): readonly string[] => {
  const there = new Set(program.entries.grad!.outputs.map(({ name }) => name));
  return program.parameters.map(({ name }) => `grad.${name}`).filter((name) => there.has(name));
};

/** Where nothing counts the loss is 0. */
export const meanLoss = (sum: Tensor, count: Tensor): number => sum[0]! / Math.max(1, count[0]!);
