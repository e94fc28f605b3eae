/**
 * `tfmc summary FILE`: shapes, parameters, FLOPs and bytes, block by block and in total.
 */
import type { ModelSummary } from "../compiler/index.js";
import { summary } from "../compiler/index.js";
import type { Context } from "./context.js";
import { print, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import type { ModelOptions } from "./load.js";
import { loadModel } from "./load.js";
import type { AddCommand } from "./options.js";
import { levelOption, positive, rematOption, several } from "./options.js";
import { bytes, count, flops, table } from "./terminal.js";

interface Options extends ModelOptions {
  readonly batch: number | undefined;
  readonly length: number | undefined;
}

export const addSummary: AddCommand = (program, action) => {
  program
    .command("summary")
    .description("what a model costs: shapes, parameters, FLOPs and bytes")
    .argument("<file>", "a `.tfm` or `.json` file, or - for standard input")
    .option("--batch <number>", "batch size; the recipe's where nothing is said", positive)
    .option("--length <number>", "sequence lengths; their maximum where nothing is said", positive)
    .option("--set <name=value>", "an argument of the model (repeatable)", several, [])
    .option("--model <name>", "which model of the file")
    .addOption(levelOption())
    .addOption(rematOption())
    .action(action(summarize));
};

async function summarize(context: Context, path: string, options: Options): Promise<ExitCode> {
  const loaded = await loadModel(context, path, options);
  if (!loaded) return 1;
  const longest = Math.max(
    0,
    ...Object.entries(loaded.built.lengths).flatMap(([symbol, { maximum }]) =>
      symbol === "B" || symbol === "P" ? [] : [maximum],
    ),
  );
  if (options.length !== undefined && options.length > longest)
    fail("usage", `--length ${options.length} is more than the ${longest} of the model's lengths`);
  const result = summary(loaded, { batch: options.batch, length: options.length });
  if (context.options.json) printJson(context, { ...result });
  else print(context, report(context, result));
  return 0;
}

function report(context: Context, result: ModelSummary): string {
  const style = context.outStyle;
  const lengths = Object.entries(result.lengths).filter(([symbol]) => symbol !== "P");
  const head = `${style.bold(result.name)} at ${lengths.map(([symbol, value]) => `${symbol} = ${value}`).join(", ")}`;
  return [head, blockTable(result), totals(result)].join("\n\n");
}

function blockTable({ blocks }: ModelSummary): string {
  const rows = blocks.map((block) => [
    block.name,
    block.shape.length > 0 ? `[${block.shape.map(({ axis, size }) => `${axis}=${size}`).join(", ")}]` : "",
    count(block.parameters),
    flops(block.flops),
    bytes(block.bytes),
  ]);
  return table(
    [["block", "shape", "parameters", "forward", "weights"], ...rows],
    ["left", "left", "right", "right", "right"],
  );
}

function totals(result: ModelSummary): string {
  const { flops: work, activationBytes } = result;
  const trained = (text: (value: number) => string, value: number | undefined): string =>
    value === undefined ? "no loss, so no training" : text(value);
  const rows = [
    ["parameters", count(result.parameters)],
    ["weights", bytes(result.weightBytes)],
    ["activations, forward", bytes(activationBytes.forward)],
    ["activations, training step", trained(bytes, activationBytes.train)],
    ["optimizer state", bytes(result.optimizerBytes)],
    ["forward", flops(work.forward)],
    ["training step", trained(flops, work.train)],
    ...(result.cacheBytes === undefined
      ? []
      : [
          ["KV cache", bytes(result.cacheBytes)],
          ["decoding, per token", flops(work.decode)],
        ]),
  ];
  return table(rows, ["left", "right"]);
}
