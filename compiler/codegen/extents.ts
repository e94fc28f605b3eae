/**
 * A kernel → the numbers it takes from the host, in order of appearance.
 *
 * ```
 * grid [⌈B·T / 8⌉, 8, 1], body reads extent T → [{ size: B·T, tile: 8 }, T]
 * ```
 */
import { sizeText } from "../ir/shape.js";
import type { Expr, Extent, GridExtent, Kernel } from "./kernel.js";
import { eachChild } from "./kernel.js";
import { eachExpr, walk } from "./statements.js";

export type HostExtent = Extent | GridExtent;

/** One word of the uniform of call scalars. */
export interface CallScalar {
  readonly name: string;
  readonly type: "f32" | "i32" | "u32";
}

export interface Uses {
  /** The extents that are not constant; the turn follows them. */
  readonly extents: readonly HostExtent[];
  readonly scalars: readonly string[];
  readonly turn: boolean;
  /** Functions on a type that a printer may have to define: `erf`, `erf.f32x4`. */
  readonly functions: ReadonlySet<string>;
  readonly subgroups: boolean;
}

/** The value of a constant extent. */
export function constantExtent(extent: HostExtent): number | undefined {
  if (typeof extent === "number") return extent;
  if ("tile" in extent)
    return typeof extent.size === "number" ? Math.ceil(extent.size / extent.tile) : undefined;
  if ("aligned" in extent)
    return typeof extent.aligned === "number" ? Math.ceil(extent.aligned / 64) * 64 : undefined;
  return undefined;
}

const normal = (extent: HostExtent): HostExtent =>
  typeof extent !== "number" && "tile" in extent && extent.tile === 1 ? extent.size : extent;

export function extentKey(extent: HostExtent): string {
  const plain = normal(extent);
  if (typeof plain === "object" && "tile" in plain) return `${sizeText(plain.size)} / ${plain.tile}`;
  if (typeof plain === "object" && "aligned" in plain) return `aligned ${sizeText(plain.aligned)}`;
  return sizeText(plain);
}

export function usesOf(kernel: Kernel): Uses {
  const extents = new Map<string, HostExtent>();
  const scalars = new Set<string>();
  const functions = new Set<string>();
  let turn = false;
  let subgroups = false;
  const need = (extent: HostExtent): void => {
    if (constantExtent(extent) !== undefined) return;
    const key = extentKey(extent);
    if (!extents.has(key)) extents.set(key, normal(extent));
  };
  const visit = (x: Expr): void => {
    switch (x.tag) {
      case "extent":
        need(x.extent);
        break;
      case "scalar":
        scalars.add(x.name);
        break;
      case "turn":
        turn = true;
        break;
      case "subgroup":
      case "subgroup_size":
      case "subgroup_lane":
        subgroups = true;
        break;
      case "unary":
      case "binary":
        functions.add(`${x.fn}.${x.type}`);
        break;
      case "bitcast":
        functions.add(`bitcast.${x.type}.${x.x.type}`);
        break;
    }
    eachChild(x, visit);
  };
  kernel.grid.forEach(need);
  walk(kernel.body, (statement) => eachExpr(statement, visit));
  return { extents: [...extents.values()], scalars: [...scalars], turn, functions, subgroups };
}

/** An extent in text: its number, or the local that holds it. */
export function extentNames({ extents }: Uses): (extent: HostExtent) => string {
  const places = new Map(extents.map((extent, n) => [extentKey(extent), `n${n}`]));
  return (extent) => {
    const constant = constantExtent(extent);
    return constant === undefined ? places.get(extentKey(extent))! : String(constant);
  };
}

export const scalarIndex = (scalars: readonly CallScalar[], name: string): number => {
  const index = scalars.findIndex((scalar) => scalar.name === name);
  if (index < 0) throw new Error(`internal: no call scalar ${name}`);
  return index;
};
