/**
 * What the passes of one compilation tell → texts and documents of it: the graphs after a pass, its time, what it did and where it did not.
 *
 * ```
 * pass      graphs        ms  nodes before  after  share
 * form_mix       6      12.1          3010   2722     1%
 * ```
 */
import type { CompileOptions } from "../../compiler/index.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import { printGraph } from "../../compiler/ir/text.js";
import { allPasses } from "../../compiler/passes/pipeline.js";
import { graphKey } from "../../compiler/passes/walk.js";
import { closest } from "../closest.js";
import { fail } from "../failure.js";
import { table } from "../terminal.js";
import { nodesWithin } from "./places.js";

/** One pass over one graph. */
export interface PassRun {
  readonly pass: string;
  readonly before: Graph;
  readonly after: Graph;
  readonly milliseconds: number;
}

/** A node that a pass looked at and left. */
export interface LeftAlone {
  readonly pass: string;
  readonly graph: string;
  readonly node: Node;
  readonly why: string;
}

export interface Recording extends Required<Pick<CompileOptions, "hook" | "explain">> {
  readonly runs: readonly PassRun[];
  readonly left: readonly LeftAlone[];
}

/** Listens to a compilation. */
export function recordPasses(): Recording {
  const runs: PassRun[] = [];
  const left: LeftAlone[] = [];
  return {
    runs,
    left,
    hook: (pass, before, after, milliseconds) => void runs.push({ pass, before, after, milliseconds }),
    explain: (pass, graph, node, why) => void left.push({ pass, graph, node, why }),
  };
}

/** Refuses a name that no pass has. */
export function checkPassName(name: string): void {
  const names = allPasses.map((pass) => pass.name);
  if (names.includes(name)) return;
  fail(
    "usage",
    `there is no pass \`${name}\``,
    `the nearest is \`${closest(name, names)}\`; there are ${names.join(", ")}`,
  );
}

/** The graphs after one pass, or after each of them, as text. */
export function dumpText(runs: readonly PassRun[], wanted: string): string {
  return runs
    .filter(({ pass }) => wanted === "all" || pass === wanted)
    .map(({ pass, before, after }) =>
      graphKey(before) === graphKey(after) && wanted === "all"
        ? `# ${after.name} after ${pass}: unchanged\n`
        : `# ${after.name} after ${pass}\n${printGraph(after)}\n`,
    )
    .join("");
}

/** What one pass took, over all graphs. */
export interface PassTime {
  readonly pass: string;
  readonly graphs: number;
  readonly milliseconds: number;
  /** Nodes of all those graphs, with the bodies of their regions. */
  readonly before: number;
  readonly after: number;
  /** Of the whole compilation, 0 to 1. */
  readonly share: number;
}

/** In the order of the list of passes; `total`: milliseconds of the whole compilation. */
export function passTimes(runs: readonly PassRun[], total: number): readonly PassTime[] {
  const ran = new Set(runs.map(({ pass }) => pass));
  const names = allPasses.map(({ name }) => name).filter((name) => ran.has(name));
  return names.map((pass) => {
    const own = runs.filter((one) => one.pass === pass);
    const sum = (of: (run: PassRun) => number): number => own.reduce((all, run) => all + of(run), 0);
    const milliseconds = sum((run) => run.milliseconds);
    return {
      pass,
      graphs: own.length,
      milliseconds,
      before: sum((run) => nodesWithin(run.before).length),
      after: sum((run) => nodesWithin(run.after).length),
      share: milliseconds / total,
    };
  });
}

export function timeTable(times: readonly PassTime[], total: number): string {
  const row = (name: string, milliseconds: number, share: number, counts: readonly string[]): string[] => [
    name,
    ...counts.slice(0, 1),
    milliseconds.toFixed(1),
    ...counts.slice(1),
    `${(100 * share).toFixed(0)}%`,
  ];
  const passes = times.map((time) =>
    row(
      time.pass,
      time.milliseconds,
      time.share,
      [time.graphs, time.before, time.after].map((count) => String(count)),
    ),
  );
  const all = times.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return table(
    [
      ["pass", "graphs", "ms", "nodes before", "after", "share"],
      ...passes,
      row("all passes", all, all / total, ["", "", ""]),
      row("the compiler", total, 1, ["", "", ""]),
    ],
    ["left", "right", "right", "right", "right", "right"],
  );
}
