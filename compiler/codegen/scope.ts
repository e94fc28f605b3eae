/**
 * Expressions in any order → statements, each value named once at the outermost loop that it does not depend on.
 *
 * ```
 * loop i: name(add(mul(grid 0, 64), i)) → let v0 = g0 * 64; for i { let v1 = v0 + i; }
 * ```
 *
 * Naming is value numbering: equal expressions get one name, so a repeated load or address costs nothing.
 */
import type { ArrayType, Expr, Stmt, ValueType } from "./kernel.js";
import { add, children, exprKey, i32, isConst, variable } from "./kernel.js";

export interface Scope {
  /** A name for a value (constants, names and grid indices stay themselves). */
  name(value: Expr): Expr;
  /** `make()` once for a text, as long as what it named is in reach. */
  memo(text: string, make: () => Expr): Expr;
  /** A mutable local that starts as `value`; read it with `read` once its loops are done. */
  mutable(value: Expr): Expr;
  read(local: Expr): Expr;
  assign(local: Expr, value: Expr): void;
  /** An array of the invocation's own or of its workgroup, and what it holds. */
  array(type: ArrayType, length: number, space?: "local" | "workgroup"): Expr;
  element(array: Expr, index: Expr): Expr;
  put(array: Expr, index: Expr, value: Expr): void;
  loop(from: Expr, to: Expr, step: number, body: (index: Expr) => void): void;
  /** Statements under a condition, and where it is not so; nothing inside is computed before it. */
  when(condition: Expr, body: () => void, otherwise?: () => void): void;
  store(binding: number, index: Expr, value: Expr): void;
  barrier(): void;
  /** Σ of terms as a named value, summed from the outermost loop inwards so that its invariant part leaves the loops. */
  sum(terms: readonly Expr[]): Expr;
  /** What a name stands for. */
  definition(value: Expr): Expr;
  /** Equal exactly for equal values, whatever their names. */
  key(value: Expr): string;
  finish(): readonly Stmt[];
}

interface Frame {
  readonly statements: Stmt[];
  readonly conditional: boolean;
  /** Numbered values that end with the frame. */
  readonly keys: string[];
  readonly memo: Map<string, Expr>;
}

const isAtom = (x: Expr): boolean => children(x).length === 0;

export function createScope(): Scope {
  const frames: Frame[] = [{ statements: [], conditional: false, keys: [], memo: new Map() }];
  const numbered = new Map<string, Expr>();
  const depths = new Map<string, number>();
  const definitions = new Map<string, Expr>();
  const mutables = new Set<string>();
  let count = 0;
  const fresh = (letter: string): string => `${letter}_${count++}`;
  const top = (): Frame => frames[frames.length - 1]!;

  const readsMutable = (x: Expr): boolean =>
    x.tag === "var"
      ? mutables.has(x.name)
      : x.tag === "element" || x.tag === "subgroup" || children(x).some(readsMutable);
  const depthOf = (x: Expr): number => {
    if (x.tag === "var") return depths.get(x.name) ?? 0;
    let deepest = 0;
    children(x).forEach((child) => {
      deepest = Math.max(deepest, depthOf(child));
    });
    return deepest;
  };

  function define(value: Expr, depth: number): Expr {
    const name = fresh("v");
    frames[depth]!.statements.push({ tag: "let", name, value });
    depths.set(name, depth);
    definitions.set(name, value);
    return variable(name, value.type);
  }

  function name(value: Expr): Expr {
    if (isAtom(value)) return value;
    if (readsMutable(value)) return define(value, frames.length - 1);
    const text = exprKey(value);
    const seen = numbered.get(text);
    if (seen) return seen;
    const floor = frames.map((frame) => frame.conditional).lastIndexOf(true);
    const depth = Math.max(depthOf(value), floor, 0);
    const named = define(value, depth);
    numbered.set(text, named);
    frames[depth]!.keys.push(text);
    return named;
  }

  function inside(conditional: boolean, body: () => void): readonly Stmt[] {
    frames.push({ statements: [], conditional, keys: [], memo: new Map() });
    body();
    const frame = frames.pop()!;
    for (const text of frame.keys) numbered.delete(text);
    return frame.statements;
  }

  const definition = (x: Expr): Expr => (x.tag === "var" ? (definitions.get(x.name) ?? x) : x);

  return {
    name,
    definition,
    memo(text, make) {
      for (const frame of frames) {
        const seen = frame.memo.get(text);
        if (seen) return seen;
      }
      const made = make();
      top().memo.set(text, made);
      return made;
    },
    mutable(value) {
      const local = fresh("m");
      top().statements.push({ tag: "var", name: local, value });
      depths.set(local, frames.length - 1);
      mutables.add(local);
      return variable(local, value.type);
    },
    read: (local) => define(local, frames.length - 1),
    assign(local, value) {
      top().statements.push({ tag: "assign", name: nameOf(local), type: local.type, value });
    },
    array(type, length, space = "local") {
      const local = fresh("a");
      top().statements.push({ tag: "array", name: local, type, length, space });
      return variable(local, type);
    },
    element: (array, index) =>
      define({ tag: "element", type: elementType(array), name: nameOf(array), index }, frames.length - 1),
    put(array, index, value) {
      top().statements.push({ tag: "put", name: nameOf(array), index, value });
    },
    loop(from, to, step, body) {
      const index = fresh("i");
      depths.set(index, frames.length);
      const statements = inside(false, () => body(variable(index, "i32")));
      top().statements.push({ tag: "for", name: index, from, to, step, body: statements });
    },
    when(condition, body, otherwise) {
      if (isConst(condition, 1)) body();
      else if (isConst(condition, 0)) otherwise?.();
      else {
        const then = inside(true, body);
        const not = otherwise ? inside(true, otherwise) : [];
        top().statements.push({ tag: "if", condition, then, otherwise: not });
      }
    },
    store(binding, index, value) {
      top().statements.push({ tag: "store", binding, index, value });
    },
    barrier() {
      top().statements.push({ tag: "barrier" });
    },
    sum(terms) {
      const sorted = terms.map((term) => ({ term, depth: depthOf(term) })).sort((x, y) => x.depth - y.depth);
      let total: Expr = i32(0);
      sorted.forEach(({ term, depth }, n) => {
        total = add(total, term);
        if (depth !== sorted[n + 1]?.depth) total = name(total);
      });
      return total;
    },
    key: (value) => exprKeyExpanded(value, definitions),
    finish: () => frames[0]!.statements,
  };
}

function exprKeyExpanded(value: Expr, definitions: ReadonlyMap<string, Expr>): string {
  return exprKey(value, (name) => {
    const meaning = definitions.get(name);
    return meaning ? exprKeyExpanded(meaning, definitions) : name;
  });
}

function nameOf(local: Expr): string {
  if (local.tag !== "var") throw new Error("internal: only a local can be assigned");
  return local.name;
}

function elementType(array: Expr): ArrayType {
  if (array.type !== "f32" && array.type !== "f32x4") throw new Error("internal: an array of other than f32");
  return array.type;
}

export const zero = (type: ValueType): Expr =>
  type === "f32x4"
    ? { tag: "splat", type, x: { tag: "const", type: "f32", value: 0 } }
    : { tag: "const", type, value: 0 };
