/**
 * Law → what it claims.
 *
 * ```
 * params == 124439808 where layers == 12          settings
 * attention(x, 4, kv_heads: 4) == attention(x, 4) equality
 * prefix_invariant(logits)                        invariance
 * step == full                                    steps
 * ```
 */
import type { Diagnostic } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import { visitExpression } from "../ir/build/walk.js";
import type { Expression, LawDeclaration } from "../parser/model.js";

export const invariances = ["prefix_invariant", "permutation_equivariant", "translation_invariant"] as const;
export type Invariance = (typeof invariances)[number];

export type Claim = {
  /** What the law holds under, from its `where`: a truth value of the settings. */
  readonly condition: Expression | undefined;
} & (
  | { readonly kind: "settings"; readonly holds: Expression }
  | { readonly kind: "equality"; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: "invariance";
      readonly which: Invariance;
      readonly of: Expression;
      /** The axis of positions, where it is not the usual one. */
      readonly axis: string | undefined;
    }
  | { readonly kind: "steps" }
);

export function readClaim(law: LawDeclaration): Claim | Diagnostic {
  const { claim } = law;
  const [x, condition] = claim.kind === "where" ? [claim.value, claim.condition] : [claim, undefined];
  if (mentions(x, "params")) return { kind: "settings", holds: x, condition };
  if (x.kind === "binary" && x.operator === "==") {
    const names = [x.left, x.right].map((side) => (side.kind === "name" ? side.text : "")).sort();
    if (names.join() === "full,step") return { kind: "steps", condition };
    return { kind: "equality", left: x.left, right: x.right, condition };
  }
  const which = x.kind === "call" && x.callee.kind === "name" ? x.callee.text : "";
  if (x.kind === "call" && isInvariance(which)) {
    const [of, axis, ...more] = x.arguments;
    const plain = of && !of.name && more.length === 0 && (!axis || axis.value.kind === "name");
    if (plain)
      return {
        kind: "invariance",
        which,
        of: of.value,
        axis: axis?.value.kind === "name" ? axis.value.text : undefined,
        condition,
      };
    return diagnostic("TFM7002", x.span, `\`${which}\` takes what it speaks of and, if need be, an axis.`, {
      hint: `Write \`${which}(logits)\`, or \`${which}(f(x), s)\` where positions go along the axis \`s\`.`,
    });
  }
  return diagnostic("TFM7002", x.span, "This claims nothing that can be checked.", {
    hint: "A law is `params == …`, `a == b` of two forms, `step == full`, `prefix_invariant(y)`, `permutation_equivariant(y)` or `translation_invariant(y)`.",
  });
}

const isInvariance = (name: string): name is Invariance => (invariances as readonly string[]).includes(name);

export function mentions(x: Expression, name: string): boolean {
  let found = false;
  visitExpression(x, (e) => {
    if (e.kind === "name" && e.text === name) found = true;
  });
  return found;
}
