/** Ops that sum, compare or look up along axes. */
import type { Axis, Node, NodeOf } from "../graph.js";
import type { Numbers, Storage, Tensor } from "../numbers/scalar.js";
import { countOf, positions, stridesOf } from "../numbers/tensor.js";
import type { Shape } from "../shape.js";
import { sizeEquals } from "../shape.js";
import type { ContractLabels } from "../vocabulary.js";
import type { OpRow } from "./row.js";
import { demandAxis, demandCount, misuse, value } from "./row.js";

type Arithmetic = "contract" | "reduce" | "gather" | "scatter_add";

export const arithmetic: { readonly [K in Arithmetic]: OpRow<K> } = {
  contract: {
    kind: "primitive",
    doc: "y[out] = Σ x[a] · y[b] over the labels not in out; dx = contract(dy, y), dy = contract(dy, x)",
    attributes: { a: "strings", b: "strings", out: "strings" },
    type(inputs, labels) {
      demandCount("contract", inputs, 2);
      return value(contractShape(inputs, labels), "f32");
    },
    reference: (m, [x, y], node) => contractReference(m, x!, y!, node.attributes),
    vjp(b, dy, node) {
      const { a, b: other, out } = node.attributes;
      const [x, y] = node.inputs as readonly [Node, Node];
      return [b.contract(dy, y, { a: out, b: other, out: a }), b.contract(x, dy, { a, b: out, out: other })];
    },
  },
  reduce: {
    kind: "primitive",
    doc: "y = Σ, max, min or argmax (the first of equals) of x over axes; an empty one is 0; gradients of max and min split equally between equals",
    attributes: { kind: "string", axes: "numbers" },
    type(inputs, { kind, axes }) {
      demandCount("reduce", inputs, 1);
      axes.forEach((axis, n) => {
        demandAxis("reduce", inputs, axis);
        if (n > 0 && axes[n - 1]! >= axis) misuse("reduce", inputs, `axes [${axes}] do not ascend`);
      });
      const x = inputs[0]!;
      if (x.dtype === "bool") misuse("reduce", inputs, "wants numbers");
      if (kind === "argmax" && axes.length !== 1) misuse("reduce", inputs, "argmax is over one axis");
      return value(
        x.shape.filter((_, axis) => !axes.includes(axis)),
        kind === "argmax" ? "i32" : x.dtype,
      );
    },
    reference: (m, [x], node) => reduceReference(m, x!, node.attributes.kind, node.attributes.axes),
    vjp(b, dy, node) {
      const { kind, axes } = node.attributes;
      const x = node.inputs[0]!;
      if (kind === "argmax") return [];
      const spread = (y: Node): Node => b.broadcastTo(y, x.shape, keptAxes(x.shape, axes));
      if (kind === "sum") return [spread(dy)];
      const best = b.to_f32(b.eq(x, spread(node)));
      // At least 1, so that a device that rounds x and its maximum apart gives 0 and not NaN.
      const equals = b.max(b.sum(best, axes), b.full(1, node.shape, "f32"));
      return [b.mul(best, spread(b.div(dy, equals)))];
    },
  },
  gather: {
    kind: "primitive",
    doc: "y[…, i₀, i₁, …] = table[…, ids[i₀, i₁], …], 0 outside the table; its adjoint is scatter_add",
    attributes: { axis: "number" },
    type(inputs, { axis }) {
      demandCount("gather", inputs, 2);
      demandAxis("gather", inputs, axis);
      const [table, ids] = inputs as readonly [Node, Node];
      if (ids.dtype !== "i32") misuse("gather", inputs, "ids are i32");
      return value(
        [...table.shape.slice(0, axis), ...ids.shape, ...table.shape.slice(axis + 1)],
        table.dtype,
      );
    },
    reference(m, [table, ids], { attributes: { axis } }) {
      const sizes = [...table!.sizes.slice(0, axis), ...ids!.sizes, ...table!.sizes.slice(axis + 1)];
      const data = m.allocate(countOf(sizes));
      lookUp(m, table!.sizes, ids!, axis, (inTable, outside) => {
        data[outside] = table!.data[inTable]!;
      });
      return { sizes, data };
    },
    vjp(b, dy, node) {
      const [table, ids] = node.inputs as readonly [Node, Node];
      const { axis } = node.attributes;
      const { size, name } = table.shape[axis]!;
      return [b.scatterAdd(ids, dy, { axis, size, name })];
    },
  },
  scatter_add: {
    kind: "primitive",
    doc: "y[…, n, …] = Σ updates[…, i₀, i₁, …] over ids[i₀, i₁] = n; its adjoint is gather",
    attributes: { axis: "number", size: "size", name: "string" },
    type(inputs, { axis, size, name }) {
      demandCount("scatter_add", inputs, 2);
      const [ids, updates] = inputs as readonly [Node, Node];
      const rank = ids.shape.length;
      if (ids.dtype !== "i32" || updates.dtype !== "f32")
        misuse("scatter_add", inputs, "ids are i32 and updates f32");
      if (
        !ids.shape.every(
          (a, n) => updates.shape[axis + n] && sizeEquals(a.size, updates.shape[axis + n]!.size),
        )
      )
        misuse("scatter_add", inputs, `the updates do not carry the axes of ids at ${axis}`);
      return value(
        [...updates.shape.slice(0, axis), { name, size }, ...updates.shape.slice(axis + rank)],
        "f32",
      );
    },
    reference(m, [ids, updates], { attributes: { axis, size } }, context) {
      const rank = ids!.sizes.length;
      const sizes = [
        ...updates!.sizes.slice(0, axis),
        context.size(size),
        ...updates!.sizes.slice(axis + rank),
      ];
      const data = m.allocate(countOf(sizes));
      lookUp(m, sizes, ids!, axis, (inTable, outside) => {
        data[inTable] = m.add(data[inTable]!, updates!.data[outside]!);
      });
      return { sizes, data };
    },
    vjp: (b, dy, node) => [undefined, b.gather(dy, node.inputs[0]!, node.attributes.axis)],
  },
};

/** Where the axes that a reduction over `axes` keeps stand in its operand: the `from` of the broadcast back. */
export function keptAxes(shape: Shape, axes: readonly number[]): readonly number[] {
  let kept = 0;
  return shape.map((_, axis) => (axes.includes(axis) ? -1 : kept++));
}

function contractShape(inputs: readonly Node[], labels: ContractLabels): Shape {
  const [x, y] = inputs as readonly [Node, Node];
  const fail = (what: string): never =>
    misuse("contract", inputs, `${what} (${labels.a}; ${labels.b} → ${labels.out})`);
  if (x.dtype !== "f32" || y.dtype !== "f32") fail("wants f32");
  if (labels.a.length !== x.shape.length || labels.b.length !== y.shape.length) fail("one label an axis");
  for (const list of [labels.a, labels.b, labels.out])
    if (new Set(list).size !== list.length) fail("a label stands twice");
  const axes = new Map<string, Axis>(labels.b.map((label, n) => [label, y.shape[n]!]));
  labels.a.forEach((label, n) => {
    const axis = x.shape[n]!;
    const other = axes.get(label);
    if (other && !sizeEquals(other.size, axis.size)) fail(`sizes of ${label} differ`);
    if (!other && !labels.out.includes(label)) fail(`${label} is in one operand only`);
    axes.set(label, axis);
  });
  for (const label of labels.b)
    if (!labels.a.includes(label) && !labels.out.includes(label)) fail(`${label} is in one operand only`);
  return labels.out.map((label) => axes.get(label) ?? fail(`${label} is in no operand`));
}

function contractReference<T>(m: Numbers<T>, x: Tensor<T>, y: Tensor<T>, labels: ContractLabels): Tensor<T> {
  const { a, b, out } = labels;
  const strideIn = (list: readonly string[], sizes: readonly number[]) => {
    const strides = stridesOf(sizes);
    return (label: string): number => (list.includes(label) ? strides[list.indexOf(label)]! : 0);
  };
  const sizeOf = (label: string): number =>
    a.includes(label) ? x.sizes[a.indexOf(label)]! : y.sizes[b.indexOf(label)]!;
  const inX = strideIn(a, x.sizes);
  const inY = strideIn(b, y.sizes);
  const summed = a.filter((label) => !out.includes(label));
  const sizes = out.map(sizeOf);
  const [rowsX, rowsY] = [positions(sizes, out.map(inX)), positions(sizes, out.map(inY))];
  const [termsX, termsY] = [
    positions(summed.map(sizeOf), summed.map(inX)),
    positions(summed.map(sizeOf), summed.map(inY)),
  ];
  const data = m.allocate(rowsX.length);
  for (let row = 0; row < rowsX.length; row++) {
    if (m.sumOfProducts) {
      const left = { data: x.data, from: rowsX[row]!, places: termsX };
      data[row] = m.sumOfProducts(left, { data: y.data, from: rowsY[row]!, places: termsY });
      continue;
    }
    let sum = m.of(0);
    const [p, q] = [rowsX[row]!, rowsY[row]!];
    for (let n = 0; n < termsX.length; n++)
      sum = m.add(sum, m.mul(x.data[p + termsX[n]!]!, y.data[q + termsY[n]!]!));
    data[row] = sum;
  }
  return { sizes, data };
}

type ReduceKind = NodeOf<"reduce">["attributes"]["kind"];

function reduceReference<T>(
  m: Numbers<T>,
  x: Tensor<T>,
  kind: ReduceKind,
  axes: readonly number[],
): Tensor<T> {
  const strides = stridesOf(x.sizes);
  const kept = x.sizes.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const sizes = kept.map((axis) => x.sizes[axis]!);
  const rows = positions(
    sizes,
    kept.map((axis) => strides[axis]!),
  );
  const terms = positions(
    axes.map((axis) => x.sizes[axis]!),
    axes.map((axis) => strides[axis]!),
  );
  const data = m.allocate(rows.length);
  if (terms.length > 0)
    for (let row = 0; row < rows.length; row++) data[row] = fold(m, kind, x.data, rows[row]!, terms);
  return { sizes, data };
}

function fold<T>(m: Numbers<T>, kind: ReduceKind, data: Storage<T>, from: number, terms: Int32Array): T {
  let best: T = data[from + terms[0]!]!;
  let at = 0;
  for (let n = 1; n < terms.length; n++) {
    const x: T = data[from + terms[n]!]!;
    if (kind === "sum") best = m.add(best, x);
    else if (kind === "max") best = m.max(best, x);
    else if (kind === "min") best = m.min(best, x);
    else if (m.valueOf(x) > m.valueOf(best)) {
      best = x;
      at = n;
    }
  }
  return kind === "argmax" ? m.of(at) : best;
}

/** Calls `visit` with the position in the table and in the looked-up tensor, for every id inside the table. */
function lookUp<T>(
  m: Numbers<T>,
  table: readonly number[],
  ids: Tensor<T>,
  axis: number,
  visit: (inTable: number, outside: number) => void,
): void {
  const outer = countOf(table.slice(0, axis));
  const inner = countOf(table.slice(axis + 1));
  const size = table[axis]!;
  const count = ids.data.length;
  for (let o = 0; o < outer; o++)
    for (let n = 0; n < count; n++) {
      const id = m.valueOf(ids.data[n]!);
      if (id < 0 || id >= size) continue;
      const [from, to] = [(o * size + id) * inner, (o * count + n) * inner];
      for (let i = 0; i < inner; i++) visit(from + i, to + i);
    }
}
