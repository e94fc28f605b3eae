/**
 * `tfmc grad FILE --weights W --inputs I --outputs G`: the loss and the gradient of every parameter.
 */
import { dirname } from "node:path";
import { Option } from "commander";
import type { ParameterInfo } from "../compiler/ir/graph.js";
import type { Outputs } from "../runtime/session.js";
import type { Tensor } from "../runtime/tensor.js";
import { tensor } from "../runtime/tensor.js";
import type { Context } from "./context.js";
import { log, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import { sourceOf, underTheirNames } from "./hugging-face/export.js";
import type { ModelOptions } from "./load.js";
import { loadModel } from "./load.js";
import type { AddCommand } from "./options.js";
import { levelOption, rematOption, several } from "./options.js";
import { withSession } from "./session.js";
import { readInputsFile, readWeightsFile, writeTensorsFile } from "./tensor-files.js";

interface GradOptions extends ModelOptions {
  readonly weights: string;
  readonly inputs: string;
  readonly outputs: string;
  readonly names: "own" | "hf";
}

export const addGrad: AddCommand = (program, action) => {
  program
    .command("grad")
    .description("compute a model's loss and the gradient of every parameter")
    .argument("<file>", "a `.tfm` or `.json` file, or - for standard input")
    .requiredOption("--weights <file>", "safetensors: one tensor per parameter")
    .requiredOption(
      "--inputs <file>",
      "safetensors: one tensor per input, targets included, batch axis first",
    )
    .requiredOption("--outputs <file>", "safetensors to write: `loss` and `grad.<parameter>`")
    .addOption(
      new Option(
        "--names <whose>",
        "own: the model's names; hf: those of the folder that it was imported from",
      )
        .choices(["own", "hf"])
        .default("own"),
    )
    .option("--set <name=value>", "an argument of the model (repeatable)", several, [])
    .option("--model <name>", "which model of the file")
    .addOption(levelOption())
    .addOption(rematOption())
    .action(action(grad));
};

async function grad(context: Context, path: string, options: GradOptions): Promise<ExitCode> {
  const loaded = await loadModel(context, path, options);
  if (!loaded) return 1;
  const { program, built } = loaded;
  const entry = program.entries.grad;
  if (!entry) {
    return fail(
      "no-loss",
      `\`${program.name}\` has no loss, so it has no gradient`,
      "add a `loss` statement to the model",
    );
  }
  const source = options.names === "hf" ? sourceOf(context, dirname(path)) : undefined;
  if (options.names === "hf" && !source) return 1;
  const weights = readWeightsFile(program, options.weights);
  const inputs = readInputsFile(context, program, "grad", options.inputs);
  const seed = context.options.seed ?? 0;
  const read = entry.outputs.map(({ name }) => name);
  const outputs = await withSession(context, program, weights, ["grad"], ({ session }) =>
    session.run("grad", inputs, { seed, step: 0 }, { read }),
  );
  const loss = meanLoss(outputs["loss.sum"]!, outputs["loss.count"]!);
  const own = built.parameters.flatMap((parameter) => gradientOf(parameter, outputs));
  const named = source ? underTheirNames(source, new Map(own)) : own;
  const gradients = named.map(([name, values]) => [`grad.${name}`, values] as const);
  writeTensorsFile(options.outputs, [["loss", tensor(Float32Array.of(loss), [])], ...gradients]);
  if (context.options.json) printJson(context, { loss, gradients: gradients.length, file: options.outputs });
  else log(context, `loss ${loss.toFixed(6)}; wrote ${gradients.length} gradients to ${options.outputs}`);
  return 0;
}

/** A parameter's part of the gradient of its leaf; none where the loss cannot change it. */
function gradientOf(
  { name, leaf, turn }: ParameterInfo,
  outputs: Outputs,
): readonly (readonly [string, Tensor])[] {
  const whole = outputs[`grad.${leaf}`];
  if (!whole) return [];
  if (turn === undefined) return [[name, whole]];
  const [turns = 1, ...shape] = whole.shape;
  const size = whole.length / turns;
  return [[name, tensor(whole.slice(turn * size, (turn + 1) * size), shape)]];
}

/** Where nothing counts the loss is 0. */
const meanLoss = (sum: Tensor, count: Tensor): number => sum[0]! / Math.max(1, count[0]!);
