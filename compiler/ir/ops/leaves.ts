/** Values that come from nowhere in the graph: inputs, constants, indices, lengths, random numbers, tables. */
import type { Node } from "../graph.js";
import { randomKey, uniform } from "../numbers/random.js";
import type { Numbers, Tensor } from "../numbers/scalar.js";
import { countOf, stridesOf } from "../numbers/tensor.js";
import { elementCount } from "../shape.js";
import type { OpRow } from "./row.js";
import { demandCount, misuse, value } from "./row.js";

type Leaf = "input" | "const" | "iota" | "length" | "random" | "table";

const noGradient = (): readonly undefined[] => [];

export const leaves: { readonly [K in Leaf]: OpRow<K> } = {
  input: {
    kind: "primitive",
    doc: "a value from outside",
    attributes: { kind: "string", name: "string", shape: "shape", dtype: "dtype" },
    type(inputs, { shape, dtype, kind }) {
      demandCount("input", inputs, 0);
      if ((kind === "scalar" || kind === "turn") && shape.length > 0)
        misuse("input", [{ shape, dtype }], `a ${kind} has shape []`);
      if (kind === "turn" && dtype !== "i32") misuse("input", [{ shape, dtype }], "a turn is i32");
      return value(shape, dtype);
    },
    reference: (_, __, node, context) => context.input(node),
    vjp: noGradient,
  },
  const: {
    kind: "primitive",
    doc: "a number",
    attributes: { value: "number", dtype: "dtype" },
    type(inputs, { dtype }) {
      demandCount("const", inputs, 0);
      return value([], dtype);
    },
    reference: (m, _, node) => scalar(m, node.attributes.value),
    vjp: noGradient,
  },
  iota: {
    kind: "primitive",
    doc: "y[i₀, …] = i_axis + offset",
    attributes: { shape: "shape", axis: "number", offset: "size" },
    type(inputs, { shape, axis }) {
      demandCount("iota", inputs, 0);
      if (!shape[axis]) misuse("iota", [{ shape, dtype: "i32" }], `no axis ${axis}`);
      return value(shape, "i32");
    },
    reference(m, _, node, context) {
      const { axis, offset, shape } = node.attributes;
      const sizes = shape.map((a) => context.size(a.size));
      const stride = stridesOf(sizes)[axis]!;
      const first = context.size(offset);
      return filled(m, sizes, (n) => (Math.floor(n / stride) % sizes[axis]!) + first);
    },
    vjp: noGradient,
  },
  length: {
    kind: "primitive",
    doc: "a size as a number",
    attributes: { size: "size", dtype: "dtype" },
    type(inputs, { dtype }) {
      demandCount("length", inputs, 0);
      if (dtype === "bool") misuse("length", [{ shape: [], dtype }], "a length is f32 or i32");
      return value([], dtype);
    },
    reference: (m, _, node, context) => scalar(m, context.size(node.attributes.size)),
    vjp: noGradient,
  },
  random: {
    kind: "primitive",
    doc: "y = uniform bits of (seed, step, path, turn, element), in [0, 1)",
    attributes: { path: "string", shape: "shape" },
    type(inputs, { shape }) {
      demandCount("random", inputs, 3);
      if (!inputs.every((input) => input.dtype === "i32" && input.shape.length === 0))
        misuse("random", inputs, "seed, step and turn are i32 scalars");
      return value(shape, "f32");
    },
    reference(m, inputs, node, context) {
      const [seed, step, turn] = inputs.map((input) => m.valueOf(input.data[0]!));
      const key = randomKey(seed!, step!, node.attributes.path, turn!);
      return filled(
        m,
        node.attributes.shape.map((axis) => context.size(axis.size)),
        (n) => uniform(key, n),
      );
    },
    vjp: noGradient,
  },
  table: {
    kind: "primitive",
    doc: "y[i₀, i₁, …] = formula(i₀, i₁, …), computed once in f64",
    attributes: { name: "string", shape: "shape", formula: "graph" },
    type(inputs, { shape, formula }) {
      demandCount("table", inputs, 0);
      if (typeof elementCount(shape) !== "number")
        misuse("table", [{ shape, dtype: "f32" }], "the shape of a table is constant");
      return value(shape, formulaResult(formula.outputs.map((output) => output.node)).dtype);
    },
    reference(m, _, node, context) {
      const { shape, formula } = node.attributes;
      const sizes = shape.map((axis) => context.size(axis.size));
      const strides = stridesOf(sizes);
      const evaluate = context.formula(formula);
      const data = m.allocate(countOf(sizes));
      for (let n = 0; n < data.length; n++) {
        const at = n;
        data[n] = evaluate((name) => m.of(Math.floor(at / strides[axisOf(name)]!) % sizes[axisOf(name)]!));
      }
      return { sizes, data };
    },
    vjp: noGradient,
  },
};

/** The axis that the argument `i0`, `i1`, … of a table's formula stands for. */
const axisOf = (name: string): number => Number(name.slice(1));

/** The one scalar that a formula gives. */
function formulaResult(outputs: readonly Node[]): Node {
  if (outputs.length !== 1 || outputs[0]!.shape.length > 0)
    throw new Error("internal: a formula has one output of shape []");
  return outputs[0]!;
}

const scalar = <T>(m: Numbers<T>, of: number): Tensor<T> => filled(m, [], () => of);

function filled<T>(m: Numbers<T>, sizes: readonly number[], at: (element: number) => number): Tensor<T> {
  const data = m.allocate(countOf(sizes));
  for (let n = 0; n < data.length; n++) data[n] = m.of(at(n));
  return { sizes, data };
}
