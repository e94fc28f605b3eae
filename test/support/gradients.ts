/** Checks of reverse mode: against central differences, and against forward mode. */
import { expect } from "vitest";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import { differentiate } from "../../compiler/ir/differentiate.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { dual, dualTensor } from "../../compiler/ir/numbers/dual.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { evaluateSize } from "../../compiler/ir/shape.js";
import { createDraw, dot, flat, normOf, randomTensor } from "./numbers.js";

export interface Point {
  readonly inputs: Readonly<Record<string, Tensor<number>>>;
  readonly lengths: Readonly<Record<string, number>>;
}

/** Σ weight ∘ y over every f32 output, with fixed weights: a loss that no symmetry hides errors in. */
export function weightedLoss(b: Builder, outputs: readonly Node[]): Graph {
  const terms = outputs
    .filter((y) => y.dtype === "f32")
    .map((y, n) => {
      const wave = y.shape.map((_, axis) =>
        b.mul(b.to_f32(b.iota(y.shape, axis)), b.const(1.7 + axis + n, "f32")),
      );
      const phase = wave.reduce((sum, x) => b.add(sum, x), b.full(0.3 + n, y.shape, "f32"));
      const weights = b.add(b.const(0.2, "f32"), b.sin(phase));
      return b.sum(
        b.mul(y, weights),
        y.shape.map((_, axis) => axis),
      );
    });
  const loss = terms.reduce((sum, term) => b.add(sum, term), b.const(0, "f32"));
  return { name: "loss", outputs: [{ name: "loss", node: loss }] };
}

export const lossAt = (graph: Graph, { inputs, lengths }: Point): number =>
  interpret(graph, f64, { inputs, lengths })["loss"]!.data[0]!;

export interface Reverse {
  readonly loss: number;
  /** All gradients after each other, in the order of `wrt`. */
  readonly gradient: readonly number[];
}

export function reverseGradient(graph: Graph, wrt: readonly Node[], point: Point, b: Builder): Reverse {
  const { graph: forward, gradients } = differentiate(graph, { loss: "loss", wrt }, b);
  const outputs = [...forward.outputs, ...gradients.map((node, n) => ({ name: `d${n}`, node }))];
  const values = interpret({ name: "grad", outputs }, f64, point);
  return { loss: values["loss"]!.data[0]!, gradient: gradients.flatMap((_, n) => flat(values[`d${n}`]!)) };
}

const nameOf = (node: Node): string => (node.op === "input" ? node.attributes.name : "");

/** (-f(x+2h) + 8 f(x+h) - 8 f(x-h) + f(x-2h)) / 12h for every element. */
export function centralDifferences(
  graph: Graph,
  wrt: readonly Node[],
  point: Point,
  h = 1e-3,
): readonly number[] {
  return wrt.flatMap((leaf) => {
    const x = point.inputs[nameOf(leaf)]!;
    return flat(x).map((value, n) => {
      const at = (step: number): number => {
        const data = Float64Array.from(flat(x));
        data[n] = value + step * h;
        return lossAt(graph, {
          ...point,
          inputs: { ...point.inputs, [nameOf(leaf)]: { sizes: x.sizes, data } },
        });
      };
      return (-at(2) + 8 * at(1) - 8 * at(-1) + at(-2)) / (12 * h);
    });
  });
}

/** The derivative along one direction, by dual numbers. */
export function forwardDerivative(
  graph: Graph,
  wrt: readonly Node[],
  point: Point,
  directions: readonly Tensor<number>[],
): number {
  const named = new Map(wrt.map((leaf, n) => [nameOf(leaf), directions[n]!]));
  const inputs = Object.fromEntries(
    Object.entries(point.inputs).map(([name, value]) => [name, dualTensor(value, named.get(name))]),
  );
  return interpret(graph, dual, { inputs, lengths: point.lengths })["loss"]!.data[0]!.tangent;
}

/** Reverse mode agrees with forward mode (1e-12) and, unless told not to look, with differences (1e-9), relative to ‖g‖. */
export function expectGradients(
  graph: Graph,
  wrt: readonly Node[],
  point: Point,
  b: Builder = createBuilder(),
  differences = true,
): void {
  const { loss, gradient } = reverseGradient(graph, wrt, point, b);
  const norm = Math.max(normOf(gradient), 1e-3);
  expect(loss).toBeCloseTo(lossAt(graph, point), 12);
  const draw = createDraw(77);
  for (let n = 0; n < 3; n++) {
    const directions = wrt.map((leaf) =>
      randomTensor(
        draw,
        leaf.shape.map((axis) => evaluateSize(axis.size, point.lengths)),
      ),
    );
    const direction = directions.flatMap(flat);
    const forward = forwardDerivative(graph, wrt, point, directions);
    expect(Math.abs(forward - dot(gradient, direction)) / (norm * normOf(direction) || 1)).toBeLessThan(
      1e-12,
    );
  }
  if (!differences) return;
  const numeric = centralDifferences(graph, wrt, point);
  expect(normOf(numeric.map((x, n) => x - gradient[n]!)) / norm).toBeLessThan(1e-9);
}
