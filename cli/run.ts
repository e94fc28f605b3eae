/**
 * `tfmc run FILE --weights W --inputs I --outputs O`: one forward pass from safetensors to safetensors.
 */
import { dirname } from "node:path";
import type { Built } from "../compiler/ir/graph.js";
import { nearest } from "../compiler/nearest.js";
import type { Context } from "./context.js";
import { log, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import { isFeatureFile, readFeatures } from "./features/read-features.js";
import type { ModelOptions } from "./load.js";
import { loadModel } from "./load.js";
import type { AddCommand } from "./options.js";
import { levelOption, rematOption, several } from "./options.js";
import { withSession } from "./session.js";
import { readInputsFile, readWeightsFile, writeTensorsFile } from "./tensor-files.js";

interface RunOptions extends ModelOptions {
  readonly weights: string;
  readonly inputs: string;
  readonly outputs: string;
  readonly probe: readonly string[];
}

export const addRun: AddCommand = (program, action) => {
  program
    .command("run")
    .description("compute a model's outputs")
    .argument("<file>", "a `.tfm` or `.json` file, or - for standard input")
    .requiredOption("--weights <file>", "safetensors: one tensor per parameter")
    .requiredOption(
      "--inputs <file>",
      "safetensors: one tensor per input, batch axis first; or one PNG or WAV file",
    )
    .requiredOption("--outputs <file>", "safetensors to write: one tensor per output")
    .option("--probe <name>", "write this probe as well (repeatable)", several, [])
    .option("--set <name=value>", "an argument of the model (repeatable)", several, [])
    .option("--model <name>", "which model of the file")
    .addOption(levelOption())
    .addOption(rematOption())
    .action(action(run));
};

async function run(context: Context, path: string, options: RunOptions): Promise<ExitCode> {
  const loaded = await loadModel(context, path, options, { only: ["loss"] });
  if (!loaded) return 1;
  const { program, built } = loaded;
  const read = outputNames(built, options.probe);
  const weights = readWeightsFile(program, options.weights);
  const inputs = isFeatureFile(options.inputs)
    ? readFeatures(context, dirname(path), [options.inputs])
    : readInputsFile(context, program, "forward", options.inputs);
  const seed = context.options.seed ?? 0;
  const outputs = await withSession(context, program, weights, ["forward"], ({ session }) =>
    session.run("forward", inputs, { seed, step: 0 }, { read }),
  );
  writeTensorsFile(options.outputs, Object.entries(outputs));
  const shapes = Object.entries(outputs).map(([name, { shape }]) => ({ name, shape }));
  if (context.options.json) printJson(context, { outputs: shapes, file: options.outputs });
  else
    log(
      context,
      `wrote ${shapes.map(({ name, shape }) => `${name} [${shape.join(", ")}]`).join(", ")} to ${options.outputs}`,
    );
  return 0;
}

/** All outputs, and of the probes those asked for. */
function outputNames(built: Built, probes: readonly string[]): readonly string[] {
  for (const probe of probes) {
    if (built.probes.includes(probe)) continue;
    const near = nearest(probe, built.probes);
    const there = built.probes.length > 0 ? `its probes are ${built.probes.join(", ")}` : "it has none";
    fail("usage", `the model has no probe \`${probe}\``, near ? `did you mean \`${near}\`?` : there);
  }
  const names = built.forward.outputs.map(({ name }) => name);
  return names.filter((name) => !built.probes.includes(name) || probes.includes(name));
}
