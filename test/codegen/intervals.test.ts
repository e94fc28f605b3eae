/** What interval analysis claims of tiles, against every pair of every tile. */
import { describe, expect, test } from "vitest";
import type { Range } from "../../compiler/codegen/intervals.js";
import { truthOfMask } from "../../compiler/codegen/intervals.js";
import type { Expr } from "../../compiler/codegen/kernel.js";
import { i32 } from "../../compiler/codegen/kernel.js";
import { loopBounds } from "../../compiler/codegen/loop-bounds.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import { topological } from "../../compiler/ir/rewrite.js";
import type { MapOp } from "../../compiler/ir/vocabulary.js";

const b = createBuilder();
const [h, i, j] = ["h", "i", "j"].map((name) => b.input("fixed", name, [], "i32")) as [Node, Node, Node];
const field = b.input("fixed", "field0", [], "bool");
const n = (value: number): Node => b.const(value, "i32");
const op = (name: MapOp, ...inputs: readonly Node[]): Node => b.make(name, inputs, {}) as Node;
const graph = (node: Node): Graph => ({ name: "mask", outputs: [{ name: "y", node }] });

const functions: Readonly<Record<string, (x: number, y: number, z: number) => number>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  neg: (x) => -x,
  abs: (x) => Math.abs(x),
  min: (x, y) => Math.min(x, y),
  max: (x, y) => Math.max(x, y),
  floordiv: (x, y) => Math.floor(x / y),
  mod: (x, y) => x - y * Math.floor(x / y),
  eq: (x, y) => Number(x === y),
  ne: (x, y) => Number(x !== y),
  lt: (x, y) => Number(x < y),
  le: (x, y) => Number(x <= y),
  and: (x, y) => Number(x !== 0 && y !== 0),
  or: (x, y) => Number(x !== 0 || y !== 0),
  not: (x) => Number(x === 0),
  select: (c, x, y) => (c ? x : y),
};

/** The value of an expression of constants. */
function evaluate(x: Expr): number {
  if (x.tag === "const") return x.value;
  if (x.tag === "select") return evaluate(x.condition) ? evaluate(x.then) : evaluate(x.otherwise);
  if (x.tag === "unary") return functions[x.fn]!(evaluate(x.x), 0, 0);
  if (x.tag === "binary") return functions[x.fn]!(evaluate(x.x), evaluate(x.y), 0);
  throw new Error(`no constant: ${x.tag}`);
}

function holds(mask: Graph, at: Readonly<Record<string, number>>): boolean {
  const values = new Map<Node, number>();
  for (const node of topological(mask)) {
    const [x = 0, y = 0, z = 0] = node.inputs.map((input) => values.get(input)!);
    const leaf = node.op === "input" ? at[node.attributes.name]! : undefined;
    values.set(node, leaf ?? (node.op === "const" ? node.attributes.value : functions[node.op]!(x, y, z)));
  }
  return values.get(mask.outputs[0]!.node) !== 0;
}

const same = (x: Expr): Expr => x;
const between = (lo: number, hi: number): Range => ({ lo: i32(lo), hi: i32(hi) });
const SIZE = 16;

interface Claims {
  readonly possible: boolean;
  readonly certain: boolean;
  readonly some: boolean;
  readonly every: boolean;
}

/** Of each tile what is claimed, and what is so. */
function claims(mask: Graph, rows: number, columns: number): readonly Claims[] {
  const found: Claims[] = [];
  for (let head = 0; head < 2; head++)
    for (let i0 = 0; i0 < SIZE; i0 += rows)
      for (let j0 = 0; j0 < SIZE; j0 += columns) {
        const [i1, j1] = [Math.min(i0 + rows, SIZE) - 1, Math.min(j0 + columns, SIZE) - 1];
        const ranges: Record<string, Range> = {
          h: between(head, head),
          i: between(i0, i1),
          j: between(j0, j1),
        };
        const truth = truthOfMask(mask, (name) => ranges[name], same);
        const pairs: boolean[] = [];
        for (let x = i0; x <= i1; x++)
          for (let y = j0; y <= j1; y++)
            pairs.push(holds(mask, { h: head, i: x, j: y, field0: (x * 7 + y * 3) % 5 < 2 ? 1 : 0 }));
        found.push({
          possible: evaluate(truth.possible) !== 0,
          certain: evaluate(truth.certain) !== 0,
          some: pairs.some((x) => x),
          every: pairs.every((x) => x),
        });
      }
  return found;
}

const tiles = [
  [1, 1],
  [2, 4],
  [4, 4],
  [3, 5],
  [8, 8],
] as const;

/** No tile that holds a pair is called empty, and none that lacks one full. */
function neverWrong(node: Node): void {
  const all = tiles.flatMap(([rows, columns]) => claims(graph(node), rows, columns));
  expect(all.filter(({ possible, some }) => some && !possible).length, "called empty, and hold a pair").toBe(
    0,
  );
  expect(all.filter(({ certain, every }) => certain && !every).length, "called full, and lack a pair").toBe(
    0,
  );
}

/** No row has a pair outside the bounds of its loop. */
function loopsHoldAll(node: Node): void {
  const mask = graph(node);
  const outside: string[] = [];
  for (const [rows] of tiles)
    for (const [along, own] of [
      ["j", "i"],
      ["i", "j"],
    ] as const)
      for (let start = 0; start < SIZE; start += rows) {
        const end = Math.min(start + rows, SIZE) - 1;
        const ranges: Record<string, Range> = { h: between(1, 1), [own]: between(start, end) };
        const bounds = loopBounds(mask, along, (name) => ranges[name], same);
        const from = bounds.from ? evaluate(bounds.from) : 0;
        const to = bounds.to ? evaluate(bounds.to) : SIZE;
        for (let x = start; x <= end; x++)
          for (let y = 0; y < SIZE; y++)
            if ((y < from || y >= to) && holds(mask, { h: 1, [own]: x, [along]: y, field0: 1 }))
              outside.push(`${own} = ${x}, ${along} = ${y} is outside [${from}, ${to})`);
      }
  expect(outside).toEqual([]);
}

const causal = op("le", j, i);
const within = (w: number): Node => op("lt", op("sub", i, j), n(w));
const exact: Readonly<Record<string, Node>> = {
  causal,
  strict: op("lt", j, i),
  future: op("not", causal),
  sliding: op("and", causal, within(5)),
  local: op("and", op("le", op("sub", i, j), n(3)), op("le", op("sub", j, i), n(3))),
  distance: op("le", op("abs", op("sub", i, j)), n(4)),
};
const others: Readonly<Record<string, Node>> = {
  prefix: op("or", causal, op("lt", j, n(6))),
  padding: field,
  padded: op("and", causal, field),
  atrous: op("eq", op("mod", op("sub", i, j), n(3)), n(0)),
  strided: op("and", causal, op("eq", op("mod", op("sub", i, j), n(4)), n(0))),
  dilated: op(
    "and",
    op("le", op("abs", op("sub", i, j)), n(8)),
    op("eq", op("mod", op("sub", i, j), n(2)), n(0)),
  ),
  blocks: op("eq", op("floordiv", i, n(4)), op("floordiv", j, n(4))),
  fixed: op(
    "and",
    causal,
    op(
      "or",
      op("eq", op("floordiv", i, n(4)), op("floordiv", j, n(4))),
      op("eq", op("mod", j, n(4)), op("sub", n(3), op("mod", h, n(2)))),
    ),
  ),
  chosen: op("select", op("lt", i, n(9)), causal, field),
  scaled: op("le", op("mul", j, n(3)), op("add", op("mul", i, n(2)), n(1))),
};

describe("masks of the library", () => {
  test.each(Object.entries({ ...exact, ...others }))("%s: no claim is wrong", (_, node) => {
    neverWrong(node);
    loopsHoldAll(node);
  });
  test.each(Object.entries(exact))("%s: every claim that could be made is", (_, node) => {
    for (const [rows, columns] of tiles)
      for (const { possible, certain, some, every } of claims(graph(node), rows, columns)) {
        expect(possible).toBe(some);
        expect(certain).toBe(every);
      }
  });
});

/** A random predicate, the same on every run. */
function predicates(seed: number): Node {
  let state = seed;
  const pick = (count: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 10) % count;
  };
  const integer = (depth: number): Node => {
    const leaves = [h, i, j, n(pick(9) - 4)];
    if (depth === 0) return leaves[pick(4)]!;
    const [x, y] = [integer(depth - 1), integer(depth - 1)];
    const divisor = n(1 + pick(5));
    const made = [
      () => op("add", x, y),
      () => op("sub", x, y),
      () => op("mul", x, n(pick(7) - 3)),
      () => op("mul", x, y),
      () => op("min", x, y),
      () => op("max", x, y),
      () => op("abs", x),
      () => op("neg", x),
      () => op("floordiv", x, divisor),
      () => op("mod", x, divisor),
    ];
    return made[pick(made.length)]!();
  };
  const truth = (depth: number): Node => {
    if (depth === 0) return op((["eq", "ne", "lt", "le"] as const)[pick(4)]!, integer(2), integer(2));
    const [x, y] = [truth(depth - 1), truth(depth - 1)];
    const made = [
      () => op("and", x, y),
      () => op("or", x, y),
      () => op("not", x),
      () => op("select", x, y, truth(0)),
    ];
    return made[pick(made.length)]!();
  };
  return truth(2);
}

test("random predicates: no claim is wrong", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const node = predicates(seed * 7919);
    neverWrong(node);
    loopsHoldAll(node);
  }
});
