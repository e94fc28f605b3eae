/**
 * Every injected fault is noticed: a wrong rule by the property that both its sides are equal on random tensors, a wrong pass
 * by the property that passes keep the meaning of random graphs.
 */
import { describe, expect, it } from "vitest";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Pass } from "../../compiler/passes/pass.js";
import { runPipeline } from "../../compiler/passes/pipeline.js";
import { differs, meaningOf, randomLeaves } from "../passes/support/meaning.js";
import { createRandom, randomNumber } from "../passes/support/random.js";
import { randomGraph } from "../passes/support/random-graphs.js";
import { identityFault, ruleFault } from "../passes/support/rule-check.js";
import { examples } from "../passes/support/rule-examples.js";
import type { Mutant } from "./mutants.js";
import { mutants } from "./mutants.js";

/** A tenth of the graphs that a run of the property tests has. */
const GRAPHS = 400;

function passFault(passes: readonly Pass[]): string | undefined {
  for (let seed = 0; seed < GRAPHS; seed++) {
    const random = createRandom(seed);
    const builder = createBuilder();
    const graph = randomGraph(builder, random, { nodes: randomNumber(random, 1, 30) });
    const leaves = randomLeaves(graph, createRandom(seed + 1));
    const after = runPipeline(graph, { level: 1, builder, verify: true, passes });
    const found = differs(meaningOf(graph, leaves), meaningOf(after, leaves));
    if (found !== undefined && found !== "undecided") return found;
  }
  return undefined;
}

function fault(mutant: Mutant): string | undefined {
  switch (mutant.kind) {
    case "identity":
      return identityFault(mutant.identity);
    case "rule": {
      const b = createBuilder();
      return ruleFault(mutant.rule, examples[mutant.rule.says]!(b), b, createRandom(7));
    }
    case "pass":
      return passFault(mutant.passes.filter((pass) => pass.name !== "fuse"));
    default:
      return mutant satisfies never;
  }
}

describe("mutants", () => {
  it("are at least 35", () => expect(mutants.length).toBeGreaterThanOrEqual(35));

  for (const mutant of mutants)
    it(`${mutant.kind}: ${mutant.name}`, () => {
      // What is noticed is a wrong number, not a rule that no longer applies.
      expect(fault(mutant)).toMatch(/ became /);
    });
});
