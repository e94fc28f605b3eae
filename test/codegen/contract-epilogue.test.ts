/** Parts, partners and caches after a contraction, in one kernel: every kind of it against the interpreter. */
import { describe, expect, test } from "vitest";
import { family } from "../../compiler/codegen/lower.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import type { Size } from "../../compiler/ir/shape.js";
import { symbol } from "../../compiler/ir/shape.js";
import type { Case } from "./run.js";
import { backwards, difference, operandsOf, reference, runJavascript, runWgsl, shape } from "./run.js";

const b = createBuilder();
const fixed = (n: number, ...sizes: readonly Size[]): Node =>
  b.input("fixed", `fixed.${n}`, shape(...sizes), "f32");
const body = (...nodes: readonly Node[]): Graph => ({
  name: "body",
  outputs: nodes.map((node, n) => ({ name: `y${n}`, node })),
});
const T = symbol("T");
const DEPTH = 8;
const contract = (x: Node, w: Node, labels = "td,dn>tn"): Node => {
  const [a, rest] = labels.split(",") as [string, string];
  const [c, out] = rest.split(">") as [string, string];
  return b.contract(x, w, { a: [...a], b: [...c], out: [...out] });
};
const packed = (columns: number): Node => contract(fixed(0, T, DEPTH), fixed(1, DEPTH, columns));

const tiny = { how: "tile", sizes: { m: 8, n: 8, k: 4, rows: 4 } } as const;
const tinyWide = { how: "tile", sizes: { m: 8, n: 16, k: 8, rows: 8 } } as const;
const everyKind: readonly Case["cooperation"][] = [undefined, tiny, tinyWide, { how: "lanes" }];

/** |err| within what rounding the sums explains; the maps after them are tame. */
const SLACK = 4e-6;

/** Compiling for the device takes most of the time: `onDevice` says for which kinds it is done. */
async function agree(given: Case, { kinds = everyKind, onDevice = [] }: Ways = {}): Promise<void> {
  expect(family(given.body)).toBe("contract");
  const expected = reference(given);
  const size = reference({ ...given, operands: operandsOf(given).map((values) => values.map(Math.abs)) });
  const bound = (output: number, n: number): number => 16 * 2 ** -24 * Math.abs(size[output]![n]!) + SLACK;
  for (const cooperation of kinds) {
    const variant: Case = { ...given, cooperation };
    const name = cooperation?.how ?? "barrier-free";
    const forwards = runJavascript(variant);
    expect(difference(forwards, expected, bound), name).toBeUndefined();
    if (cooperation) expect(runJavascript(variant, backwards), name).toEqual(forwards);
    if (onDevice.includes(cooperation))
      expect(difference(await runWgsl(variant), expected, bound), `${name}, WGSL`).toBeUndefined();
  }
}

const part = (x: Node, start: number, size: number): Node => b.slice(x, x.shape.length - 1, start, size);
const heads = (x: Node, count: number, width: number): Node =>
  b.transpose(b.reshape(x, shape(T, count, width)), [1, 0, 2]); // [h, t, c]
const silu = (x: Node): Node => b.mul(x, b.sigmoid(x));
/** x[…, c + by], 0 where there is none. */
const moved = (x: Node, by: number): Node => {
  const axis = x.shape.length - 1;
  const size = x.shape[axis]!.size;
  const wide = b.pad(x, axis, Math.max(0, -by), Math.max(0, by));
  return b.slice(wide, axis, Math.max(0, by), size);
};
const along = (x: Node, value: (index: Node) => Node): Node => {
  const last = x.shape.slice(-1);
  return b.broadcastTo(value(b.iota(last, 0)), x.shape, [...x.shape.slice(1).map(() => -1), 0]);
};
const whole = (n: number, of: Node): Node => b.full(n, of.shape, "i32");

type Layout = "halves" | "interleaved";
function turned(x: Node, layout: Layout, fraction = 1): Node {
  const width = Number(x.shape.at(-1)!.size) * fraction;
  if (layout === "interleaved") {
    const isEven = along(x, (i) => b.eq(b.mod(i, whole(2, i)), whole(0, i)));
    return b.select(isEven, b.neg(moved(x, 1)), moved(x, -1));
  }
  const isFirst = along(x, (i) => b.lt(i, whole(width / 2, i)));
  return b.select(isFirst, b.neg(moved(x, width / 2)), moved(x, -width / 2));
}
/** Turned by tables fixed.n and fixed.(n + 1) [t, c]. */
function rope(x: Node, layout: Layout, n: number, fraction = 1): Node {
  const width = x.shape.at(-1)!.size;
  const table = (m: number): Node => b.broadcastTo(fixed(m, T, width), x.shape, [-1, 0, 1]);
  return b.add(b.mul(x, table(n)), b.mul(turned(x, layout, fraction), table(n + 1)));
}

const rows = [1, 3, 4, 5, 11];
interface Ways {
  readonly lengths?: readonly number[];
  readonly kinds?: readonly Case["cooperation"][];
  readonly onDevice?: readonly Case["cooperation"][];
}
const each = async (
  graph: Graph,
  { lengths = rows, ...ways }: Ways = {},
  more: Partial<Case> = {},
): Promise<void> => {
  for (const t of lengths) await agree({ body: graph, lengths: { T: t }, ...more }, ways);
};

describe("two halves", () => {
  test.each([1, 2, 3, 4, 6, 8, 20])("silu(gate) · up of %i columns each", async (f) => {
    const x = packed(2 * f);
    await each(body(b.mul(silu(part(x, 0, f)), part(x, f, f))));
  });
  test.each([5, 8])("with a bias, and the product kept, %i", async (f) => {
    const product = packed(2 * f);
    const x = b.add(product, b.broadcastTo(fixed(2, 2 * f), product.shape, [-1, 0]));
    const y = b.mul(silu(part(x, 0, f)), part(x, f, f));
    await each(body(y, product), { lengths: [5] });
    await each(body(y, part(x, f, f)), { lengths: [5] });
  });
  test("in place of a residual", async () => {
    const x = packed(16);
    const y = b.add(b.mul(part(x, 0, 8), part(x, 8, 8)), fixed(2, T, 8));
    await each(body(y), {}, { aliases: new Map([[0, 2]]) });
  });
  test.each([3, 8])("the gradient of both halves of %i", async (f) => {
    const dh = packed(f);
    const before = fixed(2, T, 2 * f);
    const [gate, up] = [part(before, 0, f), part(before, f, f)];
    await each(body(b.concat([b.mul(dh, up), b.mul(dh, silu(gate))], 1)));
  });
});

describe("queries, keys and values", () => {
  const cases = [
    [1, 1, 6],
    [2, 2, 8],
    [3, 1, 10],
    [4, 2, 16],
    [3, 3, 6],
    [2, 1, 5],
  ] as const;
  const split = (h: number, g: number, c: number): readonly [Node, Node, Node] => {
    const x = packed((h + 2 * g) * c);
    return [
      heads(part(x, 0, h * c), h, c),
      heads(part(x, h * c, g * c), g, c),
      heads(part(x, (h + g) * c, g * c), g, c),
    ];
  };
  test.each(cases)("%i and %i heads of %i", async (h, g, c) => {
    await each(body(...split(h, g, c)));
  });
  const turns = cases
    .filter(([, , c]) => c % 2 === 0)
    .flatMap((of) => (["halves", "interleaved"] as const).map((layout) => [...of, layout] as const));
  test.each(turns)("%i and %i heads of %i, turned: %s", async (h, g, c, layout) => {
    const [q, k, v] = split(h, g, c);
    await each(body(rope(q, layout, 2), rope(k, layout, 2), v), { lengths: [1, 5, 11] });
  });
  test.each([8, 16])("half of a head of %i is turned", async (c) => {
    const [q, k, v] = split(2, 1, c);
    await each(body(rope(q, "halves", 2, 0.5), rope(k, "halves", 2, 0.5), v), {
      lengths: [1, 5],
      kinds: [undefined, { how: "lanes" }],
    });
  });
  test.each([6, 16])("without packing, heads of %i", async (c) => {
    for (const h of [1, 3]) {
      const own = contract(fixed(0, T, DEPTH), fixed(1, DEPTH, h, c), "td,dhc>htc");
      await each(body(rope(own, "halves", 2)), { lengths: [1, 5] });
      await each(body(rope(own, "interleaved", 2)), { lengths: [5] });
      await each(body(b.transpose(own, [1, 0, 2])), { lengths: [5] });
    }
  });
});

describe("caches", () => {
  const capacity = 9;
  const at = b.input("scalar", "step", [], "i32");
  test.each([
    [2, 8, false],
    [3, 6, false],
    [2, 8, true],
  ] as const)("%i heads of %i, ring %s", async (h, c, ring) => {
    const x = packed(3 * h * c);
    const [q, k, v] = [0, 1, 2].map((n) => heads(part(x, n * h * c, h * c), h, c)) as [Node, Node, Node];
    const cache = (n: number): Node => fixed(n, h, capacity, c);
    const outputs = [
      rope(q, "halves", 4),
      b.update(cache(2), rope(k, "halves", 4), at, 1, ring),
      b.update(cache(3), v, at, 1, ring),
    ];
    const aliases = new Map([
      [1, 2],
      [2, 3],
    ]);
    for (const [t, step] of [
      [1, 0],
      [1, 8],
      [4, 7],
      [5, 2],
    ] as const)
      await agree({ body: body(...outputs), lengths: { T: t }, scalars: { step }, aliases });
  });
});

describe("on the device", () => {
  const [q, k] = [0, 1].map((n) => heads(part(packed(32), n * 16, 16), 2, 8)) as [Node, Node];
  const graphs: readonly (readonly [string, Graph, Case["cooperation"]])[] = [
    ["two halves", body(b.mul(silu(part(packed(16), 0, 8)), part(packed(16), 8, 8))), undefined],
    ["two halves, shared", body(b.mul(silu(part(packed(16), 0, 8)), part(packed(16), 8, 8))), tiny],
    ["turned halves", body(rope(q, "halves", 2), k), undefined],
    ["turned pairs", body(rope(q, "interleaved", 2), k), { how: "lanes" }],
  ];
  test.each(graphs)("%s", async (_, graph, cooperation) => {
    await agree({ body: graph, lengths: { T: 7 } }, { kinds: [cooperation], onDevice: [cooperation] });
  });
});

describe("what no kernel computes", () => {
  const x = packed(16);
  const shuffled = (y: Node): Node =>
    b.reshape(b.transpose(b.reshape(y, shape(T, 4, 8)), [0, 2, 1]), shape(T, 32));
  const cases: readonly (readonly [string, Node])[] = [
    ["half of it in another order", b.mul(part(packed(64), 0, 32), shuffled(part(packed(64), 32, 32)))],
    ["a part with zeros around it", b.pad(part(x, 0, 8), 1, 1, 1)],
    ["fewer rows", b.slice(packed(16), 0, 0, 1)],
    ["copies", b.broadcastTo(x, shape(3, T, 16), [-1, 0, 1])],
    ["neighbours in other rows", b.add(part(x, 0, 8), b.slice(b.pad(part(x, 0, 8), 0, 1, 0), 0, 0, T))],
  ];
  test.each(cases)("%s", (_, node) => {
    expect(family(body(node))).toHaveProperty("reason");
  });
});
