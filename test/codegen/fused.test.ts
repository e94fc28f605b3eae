/** Bodies as the fuse pass forms them: each has a kernel, and its JavaScript computes what the body means. */
import { expect, test } from "vitest";
import { family, nodesOf, updateOf } from "../../compiler/codegen/family.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph } from "../../compiler/ir/graph.js";
import { runPipeline } from "../../compiler/passes/pipeline.js";
import { createRandom } from "../passes/support/random.js";
import { randomGraph } from "../passes/support/random-graphs.js";
import type { Case } from "./run.js";
import { callScalars, fixedInputs, reference, runJavascript } from "./run.js";

function bodiesIn(graph: Graph): readonly Graph[] {
  return nodesOf(graph).flatMap((node) => {
    if (node.op === "fused") return [node.attributes.body];
    return node.op === "repeat" ? bodiesIn(node.attributes.body) : [];
  });
}

const hasTurn = (body: Graph): boolean =>
  nodesOf(body).some((node) => node.op === "input" && node.attributes.kind === "turn");

/** f32 operands in (−1, 1): where a body leaves the reals, or jumps, there is nothing to compare. */
function fault(body: Graph, compared: Map<string, number>): string | undefined {
  const found = family(body);
  if (typeof found !== "string") return found.reason;
  const scalars = Object.fromEntries(callScalars.map(({ name }) => [name, 1]));
  const x = updateOf(body)?.inputs[0];
  const aliases = new Map(x?.op === "input" ? [[0, Number(x.attributes.name.split(".")[1])]] : []);
  const given: Case = { body, aliases, lengths: { B: 2, T: 5, S: 3, P: 1 }, scalars };
  if (hasTurn(body) || fixedInputs(body).length > 8) return undefined;
  const expected = reference(given);
  const actual = runJavascript(given);
  const steep = nodesOf(body).some(({ op }) =>
    ["floor", "floordiv", "mod", "to_i32", "pow", "log", "div", "rsqrt", "sqrt"].includes(op),
  );
  if (!steep) compared.set(found, (compared.get(found) ?? 0) + 1);
  for (const [output, values] of expected.entries())
    for (const [n, value] of values.entries()) {
      const difference = Math.abs(actual[output]![n]! - value);
      if (Number.isFinite(value) && !steep && !(difference <= 1e-4 * (1 + Math.abs(value))))
        return `${found} ${output}[${n}]: ${actual[output]![n]} instead of ${value}`;
    }
  return undefined;
}

test("every body of 400 random graphs", () => {
  const faults: string[] = [];
  const compared = new Map<string, number>();
  for (let seed = 1; seed <= 400; seed++) {
    const b = createBuilder();
    const graph = runPipeline(randomGraph(b, createRandom(seed), { nodes: 12 }), {
      level: seed % 2 === 0 ? 0 : 1,
      builder: b,
    });
    for (const body of bodiesIn(graph)) {
      let found: string | undefined;
      try {
        found = fault(body, compared);
      } catch (error) {
        found = String(error);
      }
      if (found) faults.push(`seed ${seed}: ${found}`);
    }
  }
  expect(faults.slice(0, 12)).toEqual([]);
  expect([...compared.keys()].sort()).toEqual([
    "contract",
    "pairwise",
    "pointwise",
    "rows",
    "scatter",
    "update",
  ]);
  expect(compared.get("contract")).toBeGreaterThan(40);
});
