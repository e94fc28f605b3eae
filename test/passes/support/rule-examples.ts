/** One left side for every rule that is not text: what it must rewrite. Keys are what the rule says. */
import type { Builder } from "../../../compiler/ir/builder.js";
import type { Node } from "../../../compiler/ir/graph.js";
import type { Axis, DType, Shape } from "../../../compiler/ir/shape.js";
import { symbol } from "../../../compiler/ir/shape.js";

export const B: Axis = { name: "b", size: symbol("B") };
export const T: Axis = { name: "t", size: symbol("T") };
export const D: Axis = { name: "d", size: 4 };
export const E: Axis = { name: "e", size: 3 };
export const U: Axis = { name: "u", size: 1 };

export const leaf = (b: Builder, name: string, shape: Shape, dtype: DType = "f32"): Node =>
  b.input("input", name, shape, dtype);

export const examples: Readonly<Record<string, (b: Builder) => Node>> = {
  "length(constant size) => constant": (b) => b.length(7, "f32"),
  "iota(axis of size 1) => offset": (b) => b.iota([D, U], 1, symbol("P")),
  "iota(x, y, …) => broadcast(iota(x))": (b) => b.iota([T, D], 0, symbol("P")),
  "to_f32(x) => x, where x is one": (b) => b.to_f32(leaf(b, "x", [T])),
  "to_i32(x) => x, where x is one": (b) => b.to_i32(leaf(b, "x", [T], "i32")),
  "to_bool(x) => x, where x is one": (b) => b.to_bool(leaf(b, "x", [T], "bool")),
  "to_f32(length) => length": (b) => b.to_f32(b.length(symbol("T"), "i32")),
  "to_i32(length) => length": (b) => b.to_i32(b.length(symbol("T"), "f32")),
  "transpose(x, identity) => x": (b) =>
    b.make("transpose", [leaf(b, "x", [T, D])], { order: [0, 1] }) as Node,
  "transpose(transpose(x, p), q) => transpose(x, p∘q)": (b) =>
    b.transpose(b.transpose(leaf(b, "x", [B, T, D]), [2, 0, 1]), [1, 0, 2]),
  "transpose(broadcast(x)) => broadcast(x)": (b) =>
    b.transpose(b.broadcastTo(leaf(b, "x", [T, D]), [T, B, D], [0, -1, 1]), [2, 0, 1]),
  "broadcast(x, nothing new) => transpose(x)": (b) => b.broadcastTo(leaf(b, "x", [T, D]), [D, T], [1, 0]),
  "broadcast(broadcast(x)) => broadcast(x)": (b) =>
    b.broadcastTo(b.broadcastTo(leaf(b, "x", [T]), [D, T], [-1, 0]), [D, B, T], [0, -1, 1]),
  "broadcast(transpose(x)) => broadcast(x)": (b) =>
    b.broadcastTo(b.transpose(leaf(b, "x", [T, D]), [1, 0]), [D, B, T], [0, -1, 1]),
  "reshape(x, same sizes) => x": (b) => b.reshape(leaf(b, "x", [D]), [{ name: "k", size: 4 }]),
  "reshape(reshape(x)) => reshape(x)": (b) =>
    b.reshape(b.reshape(leaf(b, "x", [D, E]), [{ name: "m", size: 12 }]), [
      { name: "p", size: 2 },
      { name: "q", size: 6 },
    ]),
  "reshape(broadcast(scalar)) => broadcast(scalar)": (b) =>
    b.reshape(b.broadcastTo(leaf(b, "x", []), [D, E], [-1, -1]), [{ name: "m", size: 12 }]),
  "reshape(broadcast(x), unit axes in or out) => broadcast(reshape(x))": (b) =>
    b.reshape(b.broadcastTo(leaf(b, "x", [U, D]), [U, T, D], [0, -1, 1]), [T, U, D, U]),
  "div(x, broadcast(y)) => mul(x, broadcast(div(1, y)))": (b) =>
    b.div(leaf(b, "x", [T, D]), b.broadcastTo(leaf(b, "positive", [T]), [T, D], [0, -1])),
  "slice(x, all) => x": (b) => b.slice(leaf(b, "x", [T, D]), 1, 0, 4),
  "slice(slice(x)) => slice(x)": (b) => b.slice(b.slice(leaf(b, "x", [D]), 0, 1, 3), 0, 1, 2),
  "slice(broadcast(x), a new axis) => broadcast(x)": (b) =>
    b.slice(b.broadcastTo(leaf(b, "x", [T]), [T, D], [0, -1]), 1, 1, 2),
  "slice(pad(x), the middle) => x": (b) => b.slice(b.pad(leaf(b, "x", [T]), 0, 2, 1), 0, 2, symbol("T")),
  "slice(concat(…, x, …), within x) => slice(x)": (b) =>
    b.slice(b.concat([leaf(b, "x", [D]), leaf(b, "y", [D])], 0), 0, 5, 2),
  "pad(x, 0, 0) => x": (b) => b.make("pad", [leaf(b, "x", [T])], { axis: 0, before: 0, after: 0 }) as Node,
  "pad(pad(x)) => pad(x)": (b) => b.pad(b.pad(leaf(b, "x", [T]), 0, 1, 2), 0, 3, 0),
  "add(pad(x), pad(y), side by side) => pad(concat(x, y))": (b) =>
    b.add(
      b.add(b.pad(leaf(b, "z", [D]), 0, 6, 1), b.pad(leaf(b, "y", [D]), 0, 2, 5)),
      b.pad(leaf(b, "x", [U]), 0, 1, 9),
    ),
  "concat(concat(x, y), z) => concat(x, y, z)": (b) =>
    b.concat([b.concat([leaf(b, "x", [D]), leaf(b, "y", [D])], 0), leaf(b, "z", [D])], 0),
  "concat(x) => x": (b) => b.make("concat", [leaf(b, "x", [T])], { axis: 0 }) as Node,
  "concat(x, nothing) => x": (b) => b.concat([leaf(b, "x", [D]), b.slice(leaf(b, "y", [D]), 0, 0, 0)], 0),
  "concat(slice(x, 0, n), slice(x, n, m)) => slice(x, 0, n + m)": (b) => {
    const x = leaf(b, "x", [D]);
    return b.concat([leaf(b, "y", [D]), b.slice(x, 0, 0, 1), b.slice(x, 0, 1, 2)], 0);
  },
  "reduce(x, no axes) => x": (b) => b.make("reduce", [leaf(b, "x", [T])], { kind: "sum", axes: [] }) as Node,
  "reduce(x, axes of size 1) => reshape(x)": (b) => b.reduce("max", leaf(b, "x", [U, T, D]), [0, 2]),
  "reduce(reduce(x)) => reduce(x)": (b) => b.sum(b.sum(leaf(b, "x", [B, T, D]), [1]), [1]),
  "reduce(transpose(x)) => transpose(reduce(x))": (b) =>
    b.sum(b.transpose(leaf(b, "x", [B, T, D]), [2, 0, 1]), [2]),
  "reduce(reshape(x), all) => reduce(x, all)": (b) =>
    b.sum(b.reshape(leaf(b, "x", [D, E]), [{ name: "m", size: 12 }]), [0]),
  "sum(pad(x), the padded axis) => sum(x)": (b) => b.sum(b.pad(leaf(b, "x", [T, D]), 0, 1, 2), [0, 1]),
  "reduce(broadcast(x)) => broadcast(reduce(x))·n": (b) =>
    b.sum(b.broadcastTo(leaf(b, "x", [D, E]), [T, D, B, E], [-1, 0, -1, 1]), [0, 3]),
  "sum(mul(x, broadcast(f))) => mul(sum(x), f)": (b) =>
    b.sum(b.mul(leaf(b, "x", [T, D]), b.broadcastTo(leaf(b, "y", [T]), [T, D], [0, -1])), [1]),
  "sum(contract(x, y)) => contract(sum(x), y)": (b) =>
    b.sum(
      b.contract(leaf(b, "x", [T, D]), leaf(b, "y", [D, E]), {
        a: ["t", "d"],
        b: ["d", "e"],
        out: ["t", "e"],
      }),
      [1],
    ),
  "sum(mul(broadcast(x), broadcast(y))) => contract(x, y)": (b) =>
    b.sum(
      b.mul(
        b.broadcastTo(leaf(b, "x", [T, D]), [T, D, E], [0, 1, -1]),
        b.broadcastTo(leaf(b, "y", [D, E]), [T, D, E], [-1, 0, 1]),
      ),
      [1],
    ),
  "softmax(add(x, broadcast(f))) => softmax(x)": (b) =>
    b.softmax(b.add(leaf(b, "x", [T, D]), b.broadcastTo(leaf(b, "y", [T]), [T, D], [0, -1])), 1),
  "gather(x, broadcast(ids)) => broadcast(gather(x, ids))": (b) =>
    b.gather(leaf(b, "x", [B, D, E]), b.broadcastTo(leaf(b, "ids", [T], "i32"), [T, U, E], [0, -1, -1]), 1),
  "gather(x, iota) => slice(x)": (b) =>
    b.gather(leaf(b, "x", [T, D]), b.iota([{ name: "k", size: 2 }], 0, 1), 1),
  "contract(transpose(x), y) => contract(x, y)": (b) =>
    b.contract(leaf(b, "x", [T, D]), b.transpose(leaf(b, "y", [E, D]), [1, 0]), {
      a: ["t", "d"],
      b: ["d", "e"],
      out: ["e", "t"],
    }),
  "contract(broadcast(x), y) => broadcast(contract(x, sum(y)))": (b) =>
    b.contract(b.broadcastTo(leaf(b, "x", [D]), [T, D, E, B], [-1, 0, -1, -1]), leaf(b, "y", [B, D, E]), {
      a: ["t", "d", "e", "b"],
      b: ["b", "d", "e"],
      out: ["t", "b"],
    }),
  "contract(x, y), labels of size 1 => reshape(contract(reshape(x), reshape(y)))": (b) =>
    b.contract(leaf(b, "x", [T, U, D]), leaf(b, "y", [D, U]), {
      a: ["t", "u", "d"],
      b: ["d", "v"],
      out: ["v", "t", "u"],
    }),
  "contract(x, y), nothing summed => mul(broadcast(x), broadcast(y))": (b) =>
    b.contract(leaf(b, "x", [T, D]), leaf(b, "y", [E, T]), {
      a: ["t", "d"],
      b: ["e", "t"],
      out: ["e", "d", "t"],
    }),
  "contract(mul(x, broadcast(f)), y) => mul(contract(x, y), f)": (b) =>
    b.contract(
      b.mul(leaf(b, "x", [T, D]), b.broadcastTo(leaf(b, "f", [T]), [T, D], [0, -1])),
      leaf(b, "y", [D, U]),
      {
        a: ["t", "d"],
        b: ["d", "u"],
        out: ["t", "u"],
      },
    ),
  "transpose(contract(x, y)) => contract(x, y)": (b) =>
    b.transpose(
      b.contract(leaf(b, "x", [T, D]), leaf(b, "y", [D, E]), {
        a: ["t", "d"],
        b: ["d", "e"],
        out: ["t", "e"],
      }),
      [1, 0],
    ),
  "reduce(x, [i, j]) => reduce(reduce(x, [j]), [i])": (b) =>
    b.sum(
      leaf(b, "x", [
        { name: "n", size: 30 },
        { name: "m", size: 20 },
      ]),
      [0, 1],
    ),
  "add(sum(x), sum(y)) => sum(add(x, y)), of 512 parts each": (b) =>
    b.add(
      b.sum(leaf(b, "x", [{ name: "n", size: 7 }, D]), [0, 1]),
      b.sum(leaf(b, "y", [{ name: "m", size: 512 }]), [0]),
    ),
  "contract(x[k], y[k]) => sum(mul(x, y))": (b) =>
    b.contract(leaf(b, "x", [T, D]), leaf(b, "y", [D, T]), { a: ["t", "d"], b: ["d", "t"], out: ["d"] }),
};
