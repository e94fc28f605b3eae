/**
 * Walks over expressions: what stands below one, the same over other children, and a text for each.
 *
 * ```
 * fma(x, y, z): eachChild → x, y, z · mapChildren(f) → fma(f(x), f(y), f(z)) · exprKey → "fma(x,y,z)"
 * ```
 * Kernels are walked often, so none of these makes lists of what it visits.
 */
import { sizeText } from "../ir/shape.js";
import type { Expr, Extent } from "./kernel.js";

export function eachChild(x: Expr, visit: (child: Expr) => void): void {
  switch (x.tag) {
    case "const":
    case "var":
    case "grid":
    case "extent":
    case "scalar":
    case "turn":
    case "local":
    case "subgroup_size":
    case "subgroup_lane":
      return;
    case "load":
    case "element":
      visit(x.index);
      return;
    case "subgroup":
    case "unary":
    case "convert":
    case "bitcast":
    case "splat":
    case "lane":
      visit(x.x);
      return;
    case "binary":
      visit(x.x);
      visit(x.y);
      return;
    case "fma":
      visit(x.x);
      visit(x.y);
      visit(x.z);
      return;
    case "select":
      visit(x.condition);
      visit(x.then);
      visit(x.otherwise);
      return;
    case "vector":
      for (const part of x.lanes) visit(part);
      return;
    default:
      x satisfies never;
      throw new Error("internal: expression of no tag");
  }
}

/** Whether it holds for one of the expressions directly below. */
export function someChild(x: Expr, holds: (child: Expr) => boolean): boolean {
  switch (x.tag) {
    case "load":
    case "element":
      return holds(x.index);
    case "subgroup":
    case "unary":
    case "convert":
    case "bitcast":
    case "splat":
    case "lane":
      return holds(x.x);
    case "binary":
      return holds(x.x) || holds(x.y);
    case "fma":
      return holds(x.x) || holds(x.y) || holds(x.z);
    case "select":
      return holds(x.condition) || holds(x.then) || holds(x.otherwise);
    case "vector":
      return x.lanes.some(holds);
    default:
      return false;
  }
}

export const isAtom = (x: Expr): boolean => !someChild(x, always);
const always = (): boolean => true;

/** The same expression over what its children become; itself where they stay. */
export function mapChildren(x: Expr, map: (child: Expr) => Expr): Expr {
  switch (x.tag) {
    case "const":
    case "var":
    case "grid":
    case "extent":
    case "scalar":
    case "turn":
    case "local":
    case "subgroup_size":
    case "subgroup_lane":
      return x;
    case "load":
    case "element": {
      const index = map(x.index);
      return index === x.index ? x : { ...x, index };
    }
    case "subgroup":
    case "unary":
    case "convert":
    case "bitcast":
    case "splat":
    case "lane": {
      const below = map(x.x);
      return below === x.x ? x : { ...x, x: below };
    }
    case "binary": {
      const [left, right] = [map(x.x), map(x.y)];
      return left === x.x && right === x.y ? x : { ...x, x: left, y: right };
    }
    case "fma": {
      const [left, right, sum] = [map(x.x), map(x.y), map(x.z)];
      return left === x.x && right === x.y && sum === x.z ? x : { ...x, x: left, y: right, z: sum };
    }
    case "select": {
      const [condition, then, otherwise] = [map(x.condition), map(x.then), map(x.otherwise)];
      const stays = condition === x.condition && then === x.then && otherwise === x.otherwise;
      return stays ? x : { ...x, condition, then, otherwise };
    }
    case "vector": {
      const [a, b, c, d] = x.lanes;
      const lanes = [map(a), map(b), map(c), map(d)] as const;
      return lanes.every((part, n) => part === x.lanes[n]) ? x : { ...x, lanes };
    }
    default:
      x satisfies never;
      throw new Error("internal: expression of no tag");
  }
}

/** A text that is equal exactly for equal expressions; `nameOf` says what a local is called in it. */
export function exprKey(x: Expr, nameOf: (name: string) => string = itself): string {
  switch (x.tag) {
    case "const":
      return `${x.type}:${Object.is(x.value, -0) ? "-0" : x.value}`;
    case "var":
      return nameOf(x.name);
    case "grid":
      return `g${x.dimension}`;
    case "extent":
      return `e${extentText(x.extent)}`;
    case "scalar":
      return `s${x.name}`;
    case "turn":
    case "local":
    case "subgroup_size":
    case "subgroup_lane":
      return x.tag;
    case "load":
      return `load${x.binding}.${x.type}(${exprKey(x.index, nameOf)})`;
    case "element":
      return `${nameOf(x.name)}[${exprKey(x.index, nameOf)}]`;
    case "subgroup":
      return `subgroup.${x.fn}(${exprKey(x.x, nameOf)})`;
    case "unary":
      return `${x.fn}(${exprKey(x.x, nameOf)})`;
    case "binary":
      return `${x.fn}(${exprKey(x.x, nameOf)},${exprKey(x.y, nameOf)})`;
    case "convert":
    case "bitcast":
      return `${x.tag}.${x.type}(${exprKey(x.x, nameOf)})`;
    case "splat":
      return `splat(${exprKey(x.x, nameOf)})`;
    case "lane":
      return `lane${x.lane}(${exprKey(x.x, nameOf)})`;
    case "fma":
      return `fma(${exprKey(x.x, nameOf)},${exprKey(x.y, nameOf)},${exprKey(x.z, nameOf)})`;
    case "select":
      return `select(${exprKey(x.condition, nameOf)},${exprKey(x.then, nameOf)},${exprKey(x.otherwise, nameOf)})`;
    case "vector":
      return `vector(${x.lanes.map((part) => exprKey(part, nameOf)).join()})`;
    default:
      x satisfies never;
      throw new Error("internal: expression of no tag");
  }
}

const itself = (name: string): string => name;

const extentText = (of: Extent): string =>
  typeof of === "object" && "aligned" in of ? `aligned(${sizeText(of.aligned)})` : sizeText(of);
