/**
 * The expansion of `mix`.
 *
 * ```
 * %3 = mix(%q, %k, %v) …  →  %s = contract(%q, %k') [b,h,i,c];[b,h,j,c] → [b,h,i,j]
 *                            %p = softmax(score(%s, h, i, j), mask(h, i, j)) axis=3
 *                            %y = contract(%p, %v') [b,h,i,j];[b,h,j,e] → [b,h,i,e]
 * ```
 * Heads of k and v serve `group` heads of q each: k' repeats them along a new axis, head h reads head h // group.
 */
import type { Builder } from "../builder.js";
import type { Node, NodeOf } from "../graph.js";
import type { Axis, Shape, Size } from "../shape.js";
import { instantiate } from "./formula.js";
import { alongKept, repeatHeads } from "./heads.js";

export interface MixParts {
  readonly batch: Shape;
  readonly heads: Size;
  readonly kvHeads: Size;
  /** [...batch, h, i, j] */
  readonly scores: Shape;
}

export function mixParts(q: Node, k: Node): MixParts {
  const rank = q.shape.length;
  const j: Axis = k.shape[rank - 2]!;
  return {
    batch: q.shape.slice(0, rank - 3),
    heads: q.shape[rank - 3]!.size,
    kvHeads: k.shape[rank - 3]!.size,
    scores: [...q.shape.slice(0, rank - 1), j],
  };
}

export function expandMix(b: Builder, node: NodeOf<"mix">): Node {
  const { score, mask, weight, post } = node.attributes;
  const [q, k, v] = node.inputs as readonly [Node, Node, Node];
  const { batch, heads, scores } = mixParts(q, k);
  const outer = batch.map((_, n) => `b${n}`);
  const products = (): Node =>
    b.contract(q, repeatHeads(b, k, heads), {
      a: [...outer, "h", "i", "c"],
      b: [...outer, "h", "j", "c"],
      out: [...outer, "h", "i", "j"],
    }); // [...batch, h, i, j]
  const argument = (name: string): Node => (name === "s" ? products() : position(b, node, name, scores));
  const scored = instantiate(b, score, scores, argument); // [...batch, h, i, j]
  const allowed = mask && instantiate(b, mask, scores, argument); // [...batch, h, i, j]
  const plain = weigh(b, weight, scored, allowed); // [...batch, h, i, j]
  const last = scores.length - 1;
  const behind = (name: string): Node => {
    if (name === "a") return plain;
    if (name === "l") return alongRows(b, b.logsumexp(scored, last, allowed), scores);
    return position(b, node, name, scores);
  };
  const weights = post ? instantiate(b, post, scores, behind) : plain; // [...batch, h, i, j]
  return b.contract(weights, repeatHeads(b, v, heads), {
    a: [...outer, "h", "i", "j"],
    b: [...outer, "h", "j", "e"],
    out: [...outer, "h", "i", "e"],
  }); // [...batch, h, i, e]
}

function weigh(
  b: Builder,
  weight: NodeOf<"mix">["attributes"]["weight"],
  scored: Node,
  allowed: Node | undefined,
): Node {
  const last = scored.shape.length - 1;
  switch (weight) {
    case "softmax":
      return b.softmax(scored, last, allowed);
    case "identity":
      return keep(b, scored, allowed);
    case "l1": {
      const sum = b.sum(keep(b, scored, allowed), [last]);
      const [zero, one] = [b.full(0, sum.shape, "f32"), b.full(1, sum.shape, "f32")];
      const whole = b.select(b.eq(sum, zero), one, sum);
      return keep(b, b.div(scored, alongRows(b, whole, scored.shape)), allowed);
    }
    default:
      throw new Error(`internal: mix has no weight ${weight satisfies never}`);
  }
}

const keep = (b: Builder, scored: Node, allowed: Node | undefined): Node =>
  allowed ? b.select(allowed, scored, b.full(0, scored.shape, "f32")) : scored;

/** [...batch, h, i] → [...batch, h, i, j] */
const alongRows = (b: Builder, x: Node, scores: Shape): Node =>
  b.broadcastTo(
    x,
    scores,
    scores.map((_, axis) => (axis === scores.length - 1 ? -1 : axis)),
  );

/** What the argument `h`, `i`, `j` or `field0`, … of a formula is over the scores. Positions are absolute. */
function position(b: Builder, node: NodeOf<"mix">, name: string, scores: Shape): Node {
  const { fields, offset } = node.attributes;
  const rank = scores.length;
  if (name === "h") return b.iota(scores, rank - 3);
  if (name === "i") return b.iota(scores, rank - 2, offset);
  if (name === "j") return b.iota(scores, rank - 1, offset);
  const n = Number(name.slice("field".length));
  const field = node.inputs[3 + n];
  if (!name.startsWith("field") || !field) throw new Error(`internal: mix has no argument ${name}`);
  return alongKept(b, field, fields[n]!, scores);
}
