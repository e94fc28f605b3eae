/**
 * The stages of a journey: a small program → the text of every form that it passes through.
 *
 * ```
 * ```tfm: source → Model → Graph → after each pass → Schedule → Kernels → Program
 * ```ir:  the text of a Graph → after each pass
 * ```
 *
 * A `.tfm` journey follows one entry, `forward`; a stage more is one more item of `stagesOf`.
 */
import { compile, format } from "../../compiler/index.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { parseGraph, printGraph } from "../../compiler/ir/text.js";
import { allPasses, modelPasses, pipeline, runPipeline } from "../../compiler/passes/pipeline.js";
import type { Place, Schedule } from "../../compiler/passes/schedule.js";
import type { Program } from "../../runtime/program.js";

export interface Stage {
  readonly title: string;
  /** The formula of a pass, or what the stage is. */
  readonly says: string;
  /** The language of the block. */
  readonly language: string;
  /** Undefined where a pass changed nothing. */
  readonly text: string | undefined;
}

export function stagesOf(source: string, language: string): readonly Stage[] {
  return language === "tfm" ? stagesOfModel(source) : stagesOfGraph(source);
}

function stagesOfGraph(source: string): readonly Stage[] {
  const builder = createBuilder();
  const stages: Stage[] = [];
  runPipeline(parseGraph(source, builder), {
    level: 2,
    builder,
    verify: true,
    passes: [...modelPasses, ...pipeline],
    hook: (name, before, after) => {
      stages.push(passStage(name, before, after));
    },
  });
  return stages;
}

function stagesOfModel(source: string): readonly Stage[] {
  const passes: Stage[] = [];
  const { diagnostics, built, schedule, program } = compile(source, {
    hook: (name, before, after) => {
      if (after.name === "forward") passes.push(passStage(name, before, after));
    },
  });
  if (!built || !schedule || !program) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return [
    { title: "Model", says: "formatModel(readTfm(source))", language: "tfm", text: format(source).text },
    { title: "Graph", says: "build", language: "ir", text: printGraph(built.forward) },
    ...passes,
    { title: "Schedule", says: "schedule", language: "text", text: scheduleText(schedule) },
    ...kernelStages(program),
    { title: "Program", says: "emitProgram", language: "json", text: programText(program) },
  ];
}

function passStage(name: string, before: Graph, after: Graph): Stage {
  const says = allPasses.find((pass) => pass.name === name)!.says;
  const [from, to] = [printGraph(before), printGraph(after)];
  return { title: `After ${name}`, says, language: "ir", text: from === to ? undefined : to };
}

/** `matmul: 0 tokens, 1 wte.table → 4` for every step, below the slots that the numbers stand for. */
function scheduleText({ slots, entries }: Schedule): string {
  const place = ({ slot, turn, stacked }: Place): string =>
    `${slot}${turn > 0 ? `[${turn}]` : ""}${stacked ? "[*]" : ""}`;
  const places = (all: readonly Place[]): string => all.map(place).join(", ");
  return [
    ...slots.map(({ role, name }, n) => `slot ${n}: ${role} ${name}`.trimEnd()),
    ...entries
      .filter(({ name }) => name === "forward")
      .flatMap(({ steps }) => steps)
      .map(({ label, reads, writes }) => `${label}: ${places(reads)} → ${places(writes)}`),
  ].join("\n");
}

function kernelStages({ kernels, entries }: Program): readonly Stage[] {
  const used = [...new Set(entries.forward.steps.map(({ kernel }) => kernel))];
  return used.flatMap((n): readonly Stage[] => {
    const { name, wgsl, javascript } = kernels[n]!;
    return [
      { title: `Kernel ${n}, WGSL`, says: name, language: "wgsl", text: wgsl.code },
      { title: `Kernel ${n}, JavaScript`, says: name, language: "js", text: javascript.code },
    ];
  });
}

const programText = ({ entries }: Program): string =>
  entries.forward.steps
    .map((step) => JSON.stringify({ kernel: step.kernel, turn: step.turn, bindings: step.bindings }))
    .join("\n");
