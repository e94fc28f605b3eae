/**
 * What a pass told of itself and did → what it rewrote and what it left as it is, by place.
 *
 * ```
 * form_mix: softmax(mask(score(q kᵀ))) v => mix(q, k, v)
 *   rewrote
 *     forward  layers.*.attention: contract 8 → 6, mix 0 → 1, softmax 1 → 0
 *   left as it is
 *     layers.*.attention  softmax: its weights are read twice  (loss, grad, train)
 * ```
 */
import type { Graph, Node } from "../../compiler/ir/graph.js";
import { allPasses } from "../../compiler/passes/pipeline.js";
import { table } from "../terminal.js";
import type { LeftAlone, PassRun, Recording } from "./passes.js";
import { nearestPlace, nodesWithin, placesOf } from "./places.js";

/** Ops of one graph that are more or fewer after the pass. */
export interface Rewritten {
  readonly graph: string;
  readonly places: readonly string[];
  /** Op → how many before and after, the bodies of regions included. */
  readonly ops: Readonly<Record<string, readonly [number, number]>>;
}

export interface Kept {
  readonly place: string;
  readonly op: string;
  readonly why: string;
  readonly graphs: readonly string[];
}

export interface Explanation {
  readonly pass: string;
  readonly says: string;
  /** False where the level leaves the pass out. */
  readonly ran: boolean;
  readonly rewrote: readonly Rewritten[];
  readonly left: readonly Kept[];
}

export function explanationOf({ runs, left }: Recording, pass: string): Explanation {
  const own = runs.filter((run) => run.pass === pass);
  const rewrote = own.map(rewritten).filter(({ ops, places }) => places.length + Object.keys(ops).length > 0);
  const says = allPasses.find(({ name }) => name === pass)!.says;
  return { pass, says, ran: own.length > 0, rewrote, left: keptOf(left, own, pass) };
}

function rewritten({ before, after }: PassRun): Rewritten {
  const [from, to] = [tally(before), tally(after)];
  const names = [...new Set([...from.keys(), ...to.keys()])].sort();
  const ops = names.flatMap((op) => {
    const [less, more] = [from.get(op) ?? 0, to.get(op) ?? 0];
    return less === more ? [] : [[op, [less, more]] as const];
  });
  return { graph: after.name, places: changedPlaces(before, after), ops: Object.fromEntries(ops) };
}

function tally(graph: Graph): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { op } of nodesWithin(graph)) counts.set(op, (counts.get(op) ?? 0) + 1);
  return counts;
}

/** Where a rewrite began: nodes that are gone although what they are made of is still there. */
function changedPlaces(before: Graph, after: Graph): readonly string[] {
  const still = new Set(nodesWithin(after).map(({ key }) => key));
  const isRegion = ({ op }: Node): boolean => op === "repeat" || op === "fused";
  const gone = nodesWithin(before).filter(
    (node) => !still.has(node.key) && !isRegion(node) && node.inputs.every(({ key }) => still.has(key)),
  );
  const places = placesOf(before);
  return [...new Set(gone.map((node) => places.get(node.key) ?? "the model"))].sort();
}

function keptOf(all: readonly LeftAlone[], runs: readonly PassRun[], pass: string): readonly Kept[] {
  const places = new Map(runs.map(({ before }) => [before.name, placesOf(before)]));
  const found = new Map<string, { kept: Omit<Kept, "graphs">; graphs: Set<string> }>();
  for (const { graph, node, why, pass: by } of all) {
    if (by !== pass) continue;
    const place = nearestPlace(places.get(graph) ?? new Map(), node) ?? "the model";
    const kept = { place, op: node.op, why };
    const key = JSON.stringify(kept);
    const known = found.get(key) ?? { kept, graphs: new Set() };
    known.graphs.add(graph);
    found.set(key, known);
  }
  return [...found.values()].map(({ kept, graphs }) => ({ ...kept, graphs: [...graphs] }));
}

export function explanationText({ pass, says, ran, rewrote, left }: Explanation): string {
  const head = `${pass}: ${says}`;
  if (!ran) return `${head}\n  does not run at this level`;
  const changes = rewrote.map(({ graph, places, ops }) => [
    `    ${graph}`,
    places.join(", "),
    Object.entries(ops)
      .map(([op, [less, more]]) => `${op} ${less} → ${more}`)
      .join(", "),
  ]);
  const kept = left.map(({ place, op, why, graphs }) => [
    `    ${place}`,
    op,
    `${why} (${graphs.join(", ")})`,
  ]);
  return [
    head,
    ...(changes.length > 0
      ? ["  rewrote", table(changes, ["left", "left", "left"])]
      : ["  rewrote nothing in any graph"]),
    ...(kept.length > 0 ? ["  left as it is", table(kept, ["left", "left", "left"])] : []),
  ].join("\n");
}
