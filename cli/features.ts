/**
 * `tfmc features DIR FILE… -o inputs.safetensors`: sounds or pictures as the inputs of the model in DIR.
 */

import type { Context } from "./context.js";
import { log, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { readFeatures } from "./features/read-features.js";
import type { AddCommand } from "./options.js";
import { writeTensorsFile } from "./tensor-files.js";

export const addFeatures: AddCommand = (program, action) => {
  program
    .command("features")
    .description("turn WAV or PNG files into a model's inputs")
    .argument("<dir>", "the model's folder, with its `preprocessor_config.json`")
    .argument("<files...>", "WAV files for a model of sound, PNG files for one of pictures")
    .requiredOption("-o, --output <file>", "safetensors to write, one row a file")
    .action(action(features));
};

async function features(
  context: Context,
  folder: string,
  paths: readonly string[],
  { output }: { readonly output: string },
): Promise<ExitCode> {
  const tensors = Object.entries(readFeatures(context, folder, paths));
  writeTensorsFile(output, tensors);
  const shapes = tensors.map(([name, { shape }]) => ({ name, shape }));
  if (context.options.json) printJson(context, { outputs: shapes, file: output });
  else
    log(
      context,
      `wrote ${shapes.map(({ name, shape }) => `${name} [${shape.join(", ")}]`).join(", ")} to ${output}`,
    );
  return 0;
}
