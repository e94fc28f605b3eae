/**
 * Valid random graphs of every op, with the values to run them at. A graph is decoded from a list of instructions, so that
 * it shrinks: a list with instructions left out is a valid graph too.
 *
 * `fc.assert(fc.property(randomGraph, ({ graph, builder, point }) => …))`, or `sampleGraph(seed)` for the n-th of a fixed series.
 */
import fc from "fast-check";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node, NodeOf, Output } from "../../compiler/ir/graph.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { topological } from "../../compiler/ir/rewrite.js";
import { evaluateSize } from "../../compiler/ir/shape.js";
import { printGraph } from "../../compiler/ir/text.js";
import type { Draw } from "./numbers.js";
import { createDraw } from "./numbers.js";
import type { Instruction, Pool } from "./random-graphs/pool.js";
import { createPool } from "./random-graphs/pool.js";
import { STEPS } from "./random-graphs/steps.js";

export interface Point {
  readonly inputs: Readonly<Record<string, Tensor<number>>>;
  readonly lengths: Readonly<Record<string, number>>;
}

export interface Sample {
  readonly builder: Builder;
  readonly graph: Graph;
  /** The f32 parameters of the graph. */
  readonly wrt: readonly Node[];
  /** Adversarial values: zeros, equals, cancelling and large numbers in some of the leaves. */
  readonly point: Point;
  /** Values in general position: no two are equal, so that every gradient is unique. */
  readonly generic: Point;
}

/** Most instructions of a list; each makes one to about ten nodes. */
const LONGEST = 24;

const nat = fc.nat({ max: 4095 });
const instruction: fc.Arbitrary<Instruction> = fc.record({ op: nat, a: nat, b: nat, c: nat });
const lengths = fc.record({
  B: fc.integer({ min: 1, max: 3 }),
  T: fc.integer({ min: 1, max: 4 }),
  S: fc.integer({ min: 1, max: 3 }),
  P: fc.constantFrom(0, 0, 2),
});

export const randomGraph: fc.Arbitrary<Sample> = fc
  .record({ instructions: fc.array(instruction, { minLength: 1, maxLength: LONGEST }), lengths, seed: nat })
  .map(({ instructions, lengths: at, seed }) => decode(instructions, at, seed));

/** The n-th sample of a fixed series. */
export function sampleGraph(seed: number): Sample {
  const draw = createDraw(seed);
  const whole = (below: number): number => Math.floor(draw() * below);
  const count = 1 + whole(LONGEST);
  const instructions = Array.from({ length: count }, () => ({
    op: whole(4096),
    a: whole(4096),
    b: whole(4096),
    c: whole(4096),
  }));
  const at = { B: 1 + whole(3), T: 1 + whole(4), S: 1 + whole(3), P: whole(3) === 0 ? 2 : 0 };
  return decode(instructions, at, whole(4096));
}

function decode(
  instructions: readonly Instruction[],
  at: Readonly<Record<string, number>>,
  seed: number,
): Sample {
  const builder = createBuilder();
  const pool = createPool(builder);
  pool.add(
    builder.input(
      "parameter",
      "p",
      [
        { name: "t", size: [[1, "T"]] },
        { name: "d", size: 4 },
      ],
      "f32",
    ),
    2,
  );
  run(pool, instructions);
  const graph = { name: "random", outputs: outputsOf(pool) };
  const leaves = topological(graph).filter((node): node is NodeOf<"input"> => node.op === "input");
  const scalars = {
    seed: { sizes: [], data: Float64Array.of(seed) },
    step: { sizes: [], data: Float64Array.of(3) },
  };
  const pointWith = (awkwardness: number): Point => {
    const draw = createDraw(seed);
    const values = leaves.map(
      (leaf) => [leaf.attributes.name, leafValue(leaf, at, draw, awkwardness)] as const,
    );
    return { inputs: { ...Object.fromEntries(values), ...scalars }, lengths: at };
  };
  const wrt = leaves.filter((leaf) => leaf.attributes.kind === "parameter" && leaf.dtype === "f32");
  const sample = { builder, graph, wrt, point: pointWith(0.3), generic: pointWith(0) };
  return Object.assign(sample, {
    [fc.toStringMethod]: () => `${printGraph(graph)}at ${JSON.stringify(at)}, seed ${seed}`,
  });
}

/** Decodes instructions one after the other; a `repeat` takes those that follow as its body. */
function run(pool: Pool, instructions: readonly Instruction[]): void {
  for (let n = 0; n < instructions.length; ) {
    const current = instructions[n++]!;
    const step = STEPS[current.op % STEPS.length]!;
    n += step(pool, current, instructions.slice(n), run);
  }
}

/** Up to four values that nothing else uses, the last ones made. */
function outputsOf(pool: Pool): readonly Output[] {
  const used = new Set(
    pool.nodes.flatMap((node) =>
      topological({ name: "", outputs: [{ name: "", node }] }).filter((x) => x !== node),
    ),
  );
  const free = pool.nodes.filter((node) => !used.has(node));
  return (free.length > 0 ? free : pool.nodes).slice(-4).map((node, n) => ({ name: `y${n}`, node }));
}

/** Ordinary numbers, with zeros, equals, cancelling and large ones among them. */
const AWKWARD = [0, 1, -1, 0.5, 2, -2, 1.75, -1.75, 1e-3, 6];

function leafValue(
  leaf: NodeOf<"input">,
  at: Readonly<Record<string, number>>,
  draw: Draw,
  awkwardness: number,
): Tensor<number> {
  const sizes = leaf.shape.map((axis) => evaluateSize(axis.size, at));
  const count = sizes.reduce((product, size) => product * size, 1);
  const awkward = draw() < awkwardness;
  const number = (): number => (awkward ? AWKWARD[Math.floor(draw() * AWKWARD.length)]! : 4 * draw() - 2);
  const element =
    leaf.dtype === "f32"
      ? number
      : () => Math.floor(draw() * (leaf.dtype === "bool" ? 2 : 6)) - (leaf.dtype === "i32" ? 1 : 0);
  return { sizes, data: Float64Array.from({ length: count }, element) };
}
