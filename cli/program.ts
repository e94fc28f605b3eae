/**
 * argv → command → exit code; every error ends here as a message.
 */
import { Command, CommanderError, Option } from "commander";
import { version } from "../compiler/version.js";
import { RuntimeError } from "../runtime/errors.js";
import { addCheck } from "./check.js";
import { closest } from "./closest.js";
import { addCompare } from "./compare.js";
import { addCompile } from "./compile.js";
import type { CommonOptions, Context, Host } from "./context.js";
import { createContext, failureDocument, failureText, printJson } from "./context.js";
import { addDoctor } from "./doctor.js";
import { addEval } from "./eval.js";
import { addExpand } from "./expand.js";
import { addExplain } from "./explain.js";
import { addExport } from "./export.js";
import type { ExitCode } from "./failure.js";
import { Failure, fail } from "./failure.js";
import { addFeatures } from "./features.js";
import { addFmt } from "./fmt.js";
import { addGenerate } from "./generate.js";
import { addGrad } from "./grad.js";
import { addGraph } from "./graph.js";
import { addImport } from "./import.js";
import { addInit } from "./init.js";
import type { Action } from "./options.js";
import { natural } from "./options.js";
import { writeReproducer } from "./reproducer.js";
import { addRun } from "./run.js";
import { exitOf, messageOf } from "./runtime-failure.js";
import { addSummary } from "./summary.js";
import { addTrain } from "./train.js";
import { addVerify } from "./verify.js";

const commands = [
  addInit,
  addCheck,
  addFmt,
  addExpand,
  addSummary,
  addGraph,
  addCompile,
  addVerify,
  addRun,
  addGrad,
  addFeatures,
  addTrain,
  addCompare,
  addEval,
  addGenerate,
  addImport,
  addExport,
  addDoctor,
  addExplain,
];

export async function run(argv: readonly string[], host: Host): Promise<ExitCode> {
  const sources = new Map<string, string>();
  let exit: ExitCode = 0;
  const program = createProgram(host);
  const contextNow = (): Context => createContext(host, commonOptions(program), sources);
  const action: Action =
    (command) =>
    async (...given) => {
      exit = await command(contextNow(), ...given);
    };
  for (const add of commands) add(program, action);
  for (const command of program.commands) offerVariant(command);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exit;
  } catch (error) {
    return report(error, argv, program, contextNow);
  }
}

function createProgram(host: Host): Command {
  const program = new Command("tfmc")
    .description("The compiler for transformer architectures.")
    .version(version, "-V, --version")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
    })
    .exitOverride()
    .showHelpAfterError("(run `tfmc --help`, or `tfmc COMMAND --help`)");
  program
    .addOption(
      new Option("--device <device>", "where to compute").choices(["auto", "webgpu", "cpu"]).default("auto"),
    )
    .option("--seed <number>", "seed of every random draw", natural)
    .option("--json", "one JSON document on stdout", false)
    .option("-q, --quiet", "errors and results only", false)
    .option("-v, --verbose", "more, such as the stack trace of an internal error", false)
    .option("--no-color", "plain text")
    .option("--no-progress", "no live line")
    .option("--stdin-filepath <path>", "the name under which `-` is reported", "stdin.tfm");
  program.on("command:*", ([name = ""]: string[]) => unknownCommand(program, name));
  program.helpCommand(false);
  return program;
}

/** `--variant V` wherever there is `--model M`: a variant is a model. */
function offerVariant(command: Command): void {
  if (!command.options.some(({ long }) => long === "--model")) return;
  command.option("--variant <name>", "which variant of the file; the same as --model");
  command.hook("preAction", () => {
    const { model, variant } = command.opts<{ readonly model?: string; readonly variant?: string }>();
    if (variant === undefined) return;
    if (model !== undefined && model !== variant)
      fail(
        "usage",
        `--model ${model} and --variant ${variant} name two models`,
        "a variant is a model: give one",
      );
    command.setOptionValue("model", variant);
  });
}

function unknownCommand(program: Command, name: string): never {
  const near = closest(
    name,
    program.commands.map((command) => command.name()),
  );
  throw new Failure("usage", `there is no command \`${name}\``, `the nearest is \`tfmc ${near}\``, undefined);
}

function commonOptions(program: Command): CommonOptions {
  const given = program.opts<Omit<CommonOptions, "seed"> & { seed?: number }>();
  return { ...given, seed: given.seed };
}

function report(error: unknown, argv: readonly string[], program: Command, context: () => Context): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const now = context();
  now.live.clear();
  if (error instanceof RuntimeError) return reportRuntime(error, now);
  if (error instanceof Failure) {
    if (now.options.json) printJson(now, { diagnostics: [failureDocument(error)] });
    else now.host.stderr.write(`${failureText(error, now.style)}\n`);
    return error.exit;
  }
  return reportInternal(error, argv, program.version() ?? "", now);
}

function reportRuntime(error: RuntimeError, context: Context): ExitCode {
  const { code, hint } = error;
  const message = messageOf(error);
  if (context.options.json) {
    printJson(context, { diagnostics: [{ code, severity: "error", message, file: undefined, hint }] });
  } else context.host.stderr.write(`${failureText({ code, message, hint }, context.style)}\n`);
  return exitOf(code);
}

function reportInternal(
  error: unknown,
  argv: readonly string[],
  compiler: string,
  context: Context,
): ExitCode {
  const path = writeReproducer(error, argv, compiler, context);
  const message = error instanceof Error ? error.message : String(error);
  const lines = [
    `${context.style.red(context.style.bold("internal error"))}: ${message.replace(/^internal: /, "")}`,
    "  This is a bug of tfmc, not of your model.",
    path === undefined ? "  No reproducer could be written." : `  A report that reproduces it is in ${path}`,
  ];
  if (context.options.verbose && error instanceof Error && error.stack) lines.push(error.stack);
  context.host.stderr.write(`${lines.join("\n")}\n`);
  return 70;
}
