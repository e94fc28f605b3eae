/**
 * The body of a step → the cooperative kernels that a GPU should run in place of the barrier-free one, and when.
 *
 * ```
 * contract(x [b, t, 768], w [768, 3072]) → tile 64×128×16 where B·T ≥ 32 · lanes where B·T < 5
 * softmax over 50,257 columns            → one workgroup of 256 a row
 * ```
 * Every number by which one is chosen stands here. None of them was measured on a GPU: they follow from how many invocations a
 * device needs to be busy, and from how often an element is loaded: for a product 1/4 + 1/4 without tiles, 1/64 + 1/128 with the widest.
 */
import type { Graph, NodeOf } from "../ir/graph.js";
import type { Size } from "../ir/shape.js";
import { product } from "../ir/shape.js";
import { contractOf, family, partsOf, reducesOf, spaceOf } from "./family.js";
import type { Context } from "./kernels/context.js";
import type { Plan } from "./kernels/contract-plan.js";
import { planContract } from "./kernels/contract-plan.js";
import type { TileSizes } from "./kernels/contract-workgroup.js";
import { canShareRows } from "./kernels/rows.js";

export type Cooperation =
  | { readonly how: "tile"; readonly sizes: TileSizes }
  | { readonly how: "lanes" }
  | { readonly how: "rows"; readonly invocations: number };

/** Lengths for which a variant pays: `from` ≤ size < `below`. */
export interface Condition {
  readonly size: Size;
  readonly from: number;
  readonly below: number | null;
}

export interface Variant {
  readonly cooperation: Cooperation;
  readonly when: readonly Condition[];
  /** It pays where lengths are as short as in generation. */
  readonly fewRows: boolean;
}

export const tileSizes = {
  small: { m: 32, n: 32, k: 16, rows: 4 },
  square: { m: 64, n: 64, k: 16, rows: 4 },
  wide: { m: 64, n: 128, k: 16, rows: 8 },
} as const satisfies Readonly<Record<string, TileSizes>>;

/** From so many rows, columns and turns of k on a tile is worth its barriers. */
const leastOfTile = { rows: 32, columns: 32, turns: 64 };
/** Up to so many rows the weights are read once and nothing is gained by sharing them. */
const mostOfLanes = { rows: 4 };
/** So few tiles of 64 × 64 leave most of a GPU idle, if each sums so many terms. */
const fewTiles = { tiles: 32, turns: 512 };
/** Rows shorter than this are as well read by one invocation each. */
const leastOfRow = 128;
/** Rows from this length on have 256 invocations, shorter ones 64. */
const longRow = 2048;

export function variantsOf(body: Graph, isStacked: Context["isStacked"]): readonly Variant[] {
  const found = family(body);
  if (found === "contract") return contractVariants(body, contractOf(body)!);
  if (found === "rows") return rowVariants(body, isStacked);
  return [];
}

const atLeast = (size: Size, count: number): boolean => typeof size !== "number" || size >= count;

/** Conditions on a size that is not known yet; undefined where a known one fails. */
function needs(size: Size, from: number, below: number | null = null): readonly Condition[] | undefined {
  if (typeof size !== "number") return [{ size, from, below }];
  return size >= from && (below === null || size < below) ? [] : undefined;
}

function contractVariants(body: Graph, node: NodeOf<"contract">): readonly Variant[] {
  const plan = planContract(node, partsOf(body, node));
  const [rows, columns, turns] = [plan.m, plan.n, plan.k.at(-1)!].map((labels) =>
    product(labels.map(plan.size)),
  ) as [Size, Size, Size];
  if (node.dtype !== "f32" || !atLeast(turns, leastOfTile.turns)) return [];
  const few = needs(rows, 0, mostOfLanes.rows + 1);
  const lanes: Variant | undefined = few && {
    cooperation: { how: "lanes" },
    when: few,
    fewRows: few.length > 0,
  };
  if (isSmall(plan, rows, columns, turns))
    return [{ cooperation: { how: "lanes" }, when: [], fewRows: false }];
  // Invocations with more than two fours of columns would have too few registers for the rows of a tile.
  const [m, n] = plan.tileN <= 8 ? [needs(rows, leastOfTile.rows), needs(columns, leastOfTile.columns)] : [];
  const tile: Variant | undefined = m &&
    n && {
      cooperation: { how: "tile", sizes: chooseTile(rows, columns) },
      when: [...m, ...n],
      fewRows: false,
    };
  return [lanes, tile].filter((variant) => variant !== undefined);
}

function isSmall(plan: Plan, rows: Size, columns: Size, turns: Size): boolean {
  const batch = product(plan.batch.map(plan.size));
  if (typeof rows !== "number" || typeof columns !== "number" || typeof batch !== "number") return false;
  const { m, n } = tileSizes.square;
  return (
    batch * Math.ceil(rows / m) * Math.ceil(columns / n) < fewTiles.tiles && atLeast(turns, fewTiles.turns)
  );
}

function chooseTile(rows: Size, columns: Size): TileSizes {
  const { small, square, wide } = tileSizes;
  if (!atLeast(rows, square.m / 2 + 1) || !atLeast(columns, square.n / 2 + 1)) return small;
  const whole = typeof columns !== "number" || columns % wide.n === 0 || columns >= 8 * wide.n;
  return whole ? wide : square;
}

function rowVariants(body: Graph, isStacked: Context["isStacked"]): readonly Variant[] {
  const { shape, reduced } = spaceOf(reducesOf(body)[0]!);
  const length = product(reduced.map((axis) => shape[axis]!.size));
  const when = needs(length, leastOfRow);
  if (!when || !canShareRows(body, isStacked)) return [];
  const invocations = atLeast(length, longRow) ? 256 : 64;
  return [{ cooperation: { how: "rows", invocations }, when, fewRows: false }];
}
