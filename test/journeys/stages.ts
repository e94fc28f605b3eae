/**
 * The stages of a journey: a small program → the text of every form that it passes through.
 *
 * A journey starts from the text of a Graph. A stage that comes earlier or later than the passes is one more entry of
 * `stagesOf`; the runner writes and compares whatever is listed here.
 */
import { createBuilder } from "../../compiler/ir/builder.js";
import { parseGraph, printGraph } from "../../compiler/ir/text.js";
import { pipeline, runPipeline } from "../../compiler/passes/pipeline.js";

export interface Stage {
  readonly title: string;
  /** The formula of a pass, or what the stage is. */
  readonly says: string;
  /** The language of the block. */
  readonly language: string;
  /** Undefined where a pass changed nothing. */
  readonly text: string | undefined;
}

export function stagesOf(source: string): readonly Stage[] {
  const builder = createBuilder();
  const graph = parseGraph(source, builder);
  const stages: Stage[] = [];
  runPipeline(graph, {
    level: 2,
    builder,
    verify: true,
    hook: (name, before, after) => {
      const says = pipeline.find((pass) => pass.name === name)!.says;
      const [from, to] = [printGraph(before), printGraph(after)];
      stages.push({ title: `After ${name}`, says, language: "ir", text: from === to ? undefined : to });
    },
  });
  return stages;
}
