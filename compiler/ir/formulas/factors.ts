/**
 * Scalar formulas as products: what two of them have in common, and by which number one is the other.
 *
 * ```
 * p·t·0.125 + p·d·0.125   →   p·(t + d)·0.125
 * −(k·e)  over  e·k       →   −1
 * ```
 */
import type { Node } from "../graph.js";
import type { Algebra } from "./algebra.js";
import { constantOf, keptWhere } from "./algebra.js";

/** coefficient · Π terms / Π divisors where all conditions hold, 0 elsewhere. */
interface Factors {
  readonly coefficient: number;
  readonly terms: readonly Node[];
  readonly divisors: readonly Node[];
  readonly conditions: readonly Node[];
}

const one: Factors = { coefficient: 1, terms: [], divisors: [], conditions: [] };

function factorsOf(x: Node): Factors {
  const value = constantOf(x);
  if (value !== undefined) return { ...one, coefficient: value };
  const where = keptWhere(x);
  if (where) {
    const kept = factorsOf(where.kept);
    return { ...kept, conditions: [...kept.conditions, where.condition] };
  }
  if (x.op === "neg") {
    const inner = factorsOf(x.inputs[0]!);
    return { ...inner, coefficient: -inner.coefficient };
  }
  if (x.op === "mul") {
    const [a, b] = x.inputs.map(factorsOf) as [Factors, Factors];
    return {
      coefficient: a.coefficient * b.coefficient,
      terms: [...a.terms, ...b.terms],
      divisors: [...a.divisors, ...b.divisors],
      conditions: [...a.conditions, ...b.conditions],
    };
  }
  if (x.op === "div") {
    const above = factorsOf(x.inputs[0]!);
    const by = constantOf(x.inputs[1]);
    if (by !== undefined && by !== 0) return { ...above, coefficient: above.coefficient / by };
    return { ...above, divisors: [...above.divisors, x.inputs[1]!] };
  }
  return { ...one, terms: [x] };
}

function productOf(m: Algebra, { coefficient, terms, divisors, conditions }: Factors, like: Node): Node {
  const above = terms.reduce((x, term) => m.mul(x, term), m.constant(1, like));
  const scaled = m.mul(divisors.reduce(m.div, above), m.constant(coefficient, like));
  return conditions.reduce((x, condition) => m.select(condition, x, m.constant(0, like)), scaled);
}

/** What stands in both lists, as often as in both, and what is left of each. */
function inBoth(xs: readonly Node[], ys: readonly Node[]) {
  const left = [...ys];
  const both: Node[] = [];
  const own = xs.filter((x) => {
    const at = left.findIndex(({ key }) => key === x.key);
    if (at < 0) return true;
    both.push(...left.splice(at, 1));
    return false;
  });
  return { both, own, other: left };
}

const unique = (nodes: readonly Node[]): readonly Node[] => [
  ...new Map(nodes.map((node) => [node.key, node])).values(),
];

/** The number c with x = c · y wherever y is not 0; undefined where they differ otherwise. */
export function ratioOf(x: Node, y: Node): number | undefined {
  const [p, q] = [factorsOf(x), factorsOf(y)];
  const same = (a: readonly Node[], b: readonly Node[]): boolean => {
    const { own, other } = inBoth(a, b);
    return own.length === 0 && other.length === 0;
  };
  const isSame =
    same(p.terms, q.terms) &&
    same(p.divisors, q.divisors) &&
    same(unique(p.conditions), unique(q.conditions));
  return isSame && q.coefficient !== 0 ? p.coefficient / q.coefficient : undefined;
}

/** x + y, with what both multiply written once. */
export function sumOf(m: Algebra, x: Node, y: Node): Node {
  const [p, q] = [factorsOf(x), factorsOf(y)];
  const terms = inBoth(p.terms, q.terms);
  const divisors = inBoth(p.divisors, q.divisors);
  const conditions = inBoth(unique(p.conditions), unique(q.conditions));
  if (terms.both.length + divisors.both.length + conditions.both.length === 0) return m.add(x, y);
  const isScaled = Math.abs(p.coefficient) === Math.abs(q.coefficient);
  const coefficient = isScaled ? p.coefficient : 1;
  const rest = (side: "own" | "other", of: Factors): Node =>
    productOf(
      m,
      {
        coefficient: of.coefficient / coefficient,
        terms: terms[side],
        divisors: divisors[side],
        conditions: conditions[side],
      },
      x,
    );
  const inner = m.add(rest("own", p), rest("other", q));
  const outer: Factors = {
    coefficient,
    terms: [...terms.both, inner],
    divisors: divisors.both,
    conditions: conditions.both,
  };
  return productOf(m, outer, x);
}
