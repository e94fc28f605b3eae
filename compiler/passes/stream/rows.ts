/**
 * A formula of pairs → what depends on the column, and the factors of the row alone, which stand behind the sum over columns.
 *
 * ```
 * Σ_j exp(s − l) · sigmoid(l) · v_j     →   (Σ_j exp(s − l) · v_j) · sigmoid(l)
 * Σ_j (s / w) · v_j                     →   (Σ_j s · v_j) / w
 * ```
 */
import type { Algebra } from "../../ir/formulas/algebra.js";
import { keptWhere } from "../../ir/formulas/algebra.js";
import type { Node } from "../../ir/graph.js";

export interface SplitFormula {
  /** What is summed. */
  readonly inside: Node;
  readonly factors: readonly Node[];
  readonly divisors: readonly Node[];
}

/** `isOfRow`: whether a formula is the same for all columns. */
export function splitRows(m: Algebra, x: Node, isOfRow: (formula: Node) => boolean): SplitFormula {
  const whole: SplitFormula = { inside: x, factors: [], divisors: [] };
  if (isOfRow(x)) return { inside: m.constant(1, x), factors: [x], divisors: [] };
  const split = (y: Node): SplitFormula => splitRows(m, y, isOfRow);
  if (x.op === "neg") {
    const inner = split(x.inputs[0]!);
    return { ...inner, inside: m.neg(inner.inside) };
  }
  if (x.op === "mul") {
    const [a, b] = x.inputs.map(split) as [SplitFormula, SplitFormula];
    return {
      inside: m.mul(a.inside, b.inside),
      factors: [...a.factors, ...b.factors],
      divisors: [...a.divisors, ...b.divisors],
    };
  }
  const where = keptWhere(x);
  if (where) {
    const inner = split(where.kept);
    return { ...inner, inside: m.select(where.condition, inner.inside, m.constant(0, x)) };
  }
  if (x.op === "div" && isOfRow(x.inputs[1]!)) {
    const inner = split(x.inputs[0]!);
    return { ...inner, divisors: [...inner.divisors, x.inputs[1]!] };
  }
  return whole;
}
