/**
 * Scopes: (name) → what it means here. A chain per block; a `repeat` body is a scope that assigns through to its block.
 *
 * ```
 * library ← file ← block attention ← repeat body
 * ```
 */
import type { Span } from "../../parser/model.js";
import type { Value } from "./values.js";

export interface Binding {
  readonly value: Value;
  readonly span: Span | undefined;
  /** Names that `input`, `param` and parameters declare as sizes cannot be indices in the same block. */
  readonly role: "size" | "parameter" | "variable" | "declaration" | "state";
}

export interface Scope {
  readonly outer: Scope | undefined;
  /** `block`: names assigned inside stay inside. `inner`: a `repeat` body or a formula. */
  readonly kind: "global" | "block" | "inner";
  readonly names: Map<string, Binding>;
}

export const createScope = (outer: Scope | undefined, kind: Scope["kind"]): Scope => ({
  outer,
  kind,
  names: new Map(),
});

export const bind = (
  scope: Scope,
  name: string,
  value: Value,
  span?: Span,
  role: Binding["role"] = "variable",
): void => {
  scope.names.set(name, { value, span, role });
};

/** The innermost scope that has the name. */
export function holder(scope: Scope, name: string): Scope | undefined {
  for (let at: Scope | undefined = scope; at; at = at.outer) if (at.names.has(name)) return at;
  return undefined;
}

export const lookup = (scope: Scope, name: string): Binding | undefined =>
  holder(scope, name)?.names.get(name);

/** The innermost binding that is no model, since models are no values; a model where there is no other. */
export function lookupValue(scope: Scope, name: string): Binding | undefined {
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    const found = at.names.get(name);
    if (found && found.value.kind !== "model") return found;
  }
  return lookup(scope, name);
}

/** Kinds of value that can stand before `(`; what failed counts, for nothing must follow from it. */
const FUNCTIONS: ReadonlySet<Value["kind"]> = new Set<Value["kind"]>([
  "formula",
  "block",
  "instance",
  "builtin",
  "initializer",
  "none",
  "full",
  "poison",
]);

/** The innermost function of the name, whatever else has it further in. */
export function lookupFunction(scope: Scope, name: string): Value | undefined {
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    const value = at.names.get(name)?.value;
    if (value && FUNCTIONS.has(value.kind)) return value;
  }
  return undefined;
}

/** As `lookup`, but only as far as the block that this scope belongs to. */
export function lookupInBlock(scope: Scope, name: string): Binding | undefined {
  for (let at: Scope | undefined = scope; at && at.kind !== "global"; at = at.outer) {
    const found = at.names.get(name);
    if (found) return found;
    if (at.kind === "block") return undefined;
  }
  return undefined;
}

/** The scope within this block that already has the name, to assign to; undefined where the name is new. */
export function assignable(scope: Scope, name: string): Scope | undefined {
  for (let at: Scope | undefined = scope; at && at.kind !== "global"; at = at.outer) {
    if (at.names.has(name)) return at;
    if (at.kind === "block") return undefined;
  }
  return undefined;
}

export function visibleNames(scope: Scope): readonly string[] {
  const names: string[] = [];
  for (let at: Scope | undefined = scope; at; at = at.outer) names.push(...at.names.keys());
  return names;
}
