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
import { add, eachChild, exprKey, i32, isAtom, isConst, variable } from "./kernel.js";

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
  /** The same in full, for those who look into it. */
  spelled(value: Expr): string;
  finish(): readonly Stmt[];
}

interface Frame {
  readonly statements: Stmt[];
  /** The depth of the innermost condition that it stands under; −1 where there is none. */
  readonly floor: number;
  /** What ends with the frame. */
  readonly named: string[];
  readonly remembered: string[];
}

/** A local: the depth at which it is set, what it stands for (nothing for what changes), and whether it may change. */
interface Local {
  readonly depth: number;
  readonly definition: Expr | undefined;
  readonly mutable: boolean;
}

const CHANGES = Number.POSITIVE_INFINITY;

export function createScope(): Scope {
  const frames: Frame[] = [{ statements: [], floor: -1, named: [], remembered: [] }];
  const numbered = new Map<string, Expr>();
  const memories = new Map<string, Expr>();
  const locals = new Map<string, Local>();
  const keys = createKeys((name) => locals.get(name)?.definition);
  let count = 0;
  const fresh = (letter: string): string => `${letter}_${count++}`;
  const top = (): Frame => frames[frames.length - 1]!;
  const deepest = (): number => frames.length - 1;

  /** The outermost depth at which the value is known; `CHANGES` where it may be another one each time. */
  function depthOf(x: Expr): number {
    switch (x.tag) {
      case "var": {
        const local = locals.get(x.name);
        return local ? (local.mutable ? CHANGES : local.depth) : 0;
      }
      case "element":
      case "subgroup":
        return CHANGES;
      case "binary":
        return Math.max(depthOf(x.x), depthOf(x.y));
      default: {
        let depth = 0;
        eachChild(x, (child) => {
          depth = Math.max(depth, depthOf(child));
        });
        return depth;
      }
    }
  }

  function define(value: Expr, depth: number): Expr {
    const name = fresh("v");
    frames[depth]!.statements.push({ tag: "let", name, value });
    locals.set(name, { depth, definition: value, mutable: false });
    return variable(name, value.type);
  }

  function name(value: Expr): Expr {
    if (isAtom(value)) return value;
    const known = depthOf(value);
    if (known === CHANGES) return define(value, deepest());
    const text = exprKey(value);
    const seen = numbered.get(text);
    if (seen) return seen;
    const depth = Math.max(known, top().floor);
    const named = define(value, depth);
    numbered.set(text, named);
    frames[depth]!.named.push(text);
    return named;
  }

  function inside(conditional: boolean, body: () => void): readonly Stmt[] {
    const floor = conditional ? frames.length : top().floor;
    frames.push({ statements: [], floor, named: [], remembered: [] });
    body();
    const frame = frames.pop()!;
    for (const text of frame.named) numbered.delete(text);
    for (const text of frame.remembered) memories.delete(text);
    return frame.statements;
  }

  const definition = (x: Expr): Expr => (x.tag === "var" ? (locals.get(x.name)?.definition ?? x) : x);

  return {
    name,
    definition,
    memo(text, make) {
      const seen = memories.get(text);
      if (seen) return seen;
      const made = make();
      memories.set(text, made);
      top().remembered.push(text);
      return made;
    },
    mutable(value) {
      const local = fresh("m");
      top().statements.push({ tag: "var", name: local, value });
      locals.set(local, { depth: deepest(), definition: undefined, mutable: true });
      return variable(local, value.type);
    },
    read: (local) => define(local, deepest()),
    assign(local, value) {
      top().statements.push({ tag: "assign", name: nameOf(local), type: local.type, value });
    },
    array(type, length, space = "local") {
      const local = fresh("a");
      top().statements.push({ tag: "array", name: local, type, length, space });
      return variable(local, type);
    },
    element: (array, index) =>
      define({ tag: "element", type: elementType(array), name: nameOf(array), index }, deepest()),
    put(array, index, value) {
      top().statements.push({ tag: "put", name: nameOf(array), index, value });
    },
    loop(from, to, step, body) {
      const index = fresh("i");
      locals.set(index, { depth: frames.length, definition: undefined, mutable: false });
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
      const sorted = terms
        .map((term) => ({ term, depth: Math.min(depthOf(term), deepest()) }))
        .sort((x, y) => x.depth - y.depth);
      let total: Expr = i32(0);
      sorted.forEach(({ term, depth }, n) => {
        total = add(total, term);
        if (depth !== sorted[n + 1]?.depth) total = name(total);
      });
      return total;
    },
    key: keys.key,
    spelled: keys.spelled,
    finish: () => frames[0]!.statements,
  };
}

/** Texts of values that do not depend on the names of their parts; each name's is made once. */
function createKeys(definitionOf: (name: string) => Expr | undefined): Pick<Scope, "key" | "spelled"> {
  const numbers = new Map<string, string>();
  const number = (text: string): string => {
    const known = numbers.get(text) ?? `%${numbers.size}`;
    numbers.set(text, known);
    return known;
  };
  return {
    key: keyed(definitionOf, number),
    spelled: keyed(definitionOf, (text) => text),
  };
}

function keyed(
  definitionOf: (name: string) => Expr | undefined,
  finish: (text: string) => string,
): (value: Expr) => string {
  const names = new Map<string, string>();
  const ofName = (name: string): string => {
    const known = names.get(name);
    if (known !== undefined) return known;
    const meaning = definitionOf(name);
    const text = meaning ? of(meaning) : name;
    names.set(name, text);
    return text;
  };
  const of = (value: Expr): string =>
    value.tag === "var" ? ofName(value.name) : finish(exprKey(value, ofName));
  return of;
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
