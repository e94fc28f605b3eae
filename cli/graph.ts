/**
 * `tfmc graph FILE`: the model's graph, as written or after a pass, as text, a picture's source, or JSON.
 */
import { Option } from "commander";
import type { Graph } from "../compiler/ir/graph.js";
import { printGraph } from "../compiler/ir/text.js";
import type { EntryName } from "../compiler/passes/schedule.js";
import { decodingNames, entryNames } from "../compiler/passes/schedule.js";
import type { Program } from "../runtime/program.js";
import { checkPassName } from "./compile/passes.js";
import type { Context } from "./context.js";
import { print, printJson } from "./context.js";
import type { ExitCode } from "./failure.js";
import { fail } from "./failure.js";
import { graphJson, toDot, toMermaid } from "./graph-picture.js";
import { toSvg } from "./graph-svg.js";
import type { ModelOptions } from "./load.js";
import { loadModel } from "./load.js";
import type { AddCommand } from "./options.js";
import { levelOption, rematOption, several } from "./options.js";

const formats = ["text", "dot", "svg", "mermaid", "json"] as const;

interface GraphOptions extends ModelOptions {
  readonly after: string | undefined;
  readonly entry: EntryName;
  readonly format: (typeof formats)[number];
}

export const addGraph: AddCommand = (program, action) => {
  program
    .command("graph")
    .description("show the graph of a model")
    .argument("<file>", "a `.tfm` or `.json` file, or - for standard input")
    .option("--after <pass>", "after this pass; as built where nothing is said")
    .addOption(
      new Option("--entry <entry>", "which graph")
        .choices([...entryNames, ...decodingNames])
        .default("forward"),
    )
    .addOption(new Option("--format <format>", "how").choices(formats).default("text"))
    .option("--set <name=value>", "an argument of the model (repeatable)", several, [])
    .option("--model <name>", "which model of the file")
    .addOption(levelOption())
    .addOption(rematOption())
    .action(action(graph));
};

async function graph(context: Context, path: string, options: GraphOptions): Promise<ExitCode> {
  const { after } = options;
  if (after !== undefined) checkPassName(after);
  const shown = await graphsOf(context, path, options);
  if (!shown) return 1;
  const found = shown.graphs.get(after ?? "build");
  if (!found) return missing(options, shown);
  if (context.options.json || options.format === "json") printJson(context, { graph: graphJson(found) });
  else print(context, await render(found, options.format));
  return 0;
}

interface Shown {
  /** Pass name → the entry's graph after it; `build` is the graph before any pass. */
  readonly graphs: ReadonlyMap<string, Graph>;
  readonly decoding: Program["decoding"];
}

async function graphsOf(context: Context, path: string, options: GraphOptions): Promise<Shown | undefined> {
  const graphs = new Map<string, Graph>();
  const loaded = await loadModel(context, path, options, {
    hook: (pass, before, after) => {
      if (after.name !== options.entry) return;
      if (!graphs.has("build")) graphs.set("build", before);
      graphs.set(pass, after);
    },
  });
  return loaded && { graphs, decoding: loaded.program.decoding };
}

function missing({ entry, after, O: level = 2 }: GraphOptions, { graphs, decoding }: Shown): never {
  if (graphs.size === 0) return isDecoding(entry) ? noSteps(entry, decoding) : noEntry(entry);
  const passes = [...graphs.keys()].filter((name) => name !== "build");
  return fail(
    "usage",
    `the pass \`${after}\` does not run on \`${entry}\` at -O${level}`,
    `those that do are ${passes.join(", ")}`,
  );
}

const isDecoding = (entry: EntryName): boolean => decodingNames.some((name) => name === entry);

function noSteps(entry: EntryName, decoding: Program["decoding"]): never {
  const steps = decoding !== null && "caches" in decoding;
  const why = steps ? "there is nothing to do for it" : "it does not grow token by token";
  const refused = decoding !== null && "refused" in decoding ? decoding.refused.message : undefined;
  return fail("usage", `the model has no \`${entry}\` graph: ${refused ?? why}`);
}

function noEntry(entry: EntryName): never {
  const parts = entry === "accumulate" || entry === "apply";
  const why = parts ? "its recipe does not accumulate" : "it states no loss";
  return fail("no-loss", `the model has no \`${entry}\` graph: ${why}`);
}

async function render(graph: Graph, format: "text" | "dot" | "svg" | "mermaid"): Promise<string> {
  switch (format) {
    case "text":
      return printGraph(graph);
    case "dot":
      return toDot(graph);
    case "svg":
      return toSvg(toDot(graph));
    case "mermaid":
      return toMermaid(graph);
    default:
      throw new Error(`internal: format ${format satisfies never}`);
  }
}
