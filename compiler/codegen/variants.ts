/**
 * The body of a step → the cooperative kernels that a GPU should run in place of the barrier-free one, and when.
 *
 * ```
 * contract(x [b, t, 768], w [768, 3072]) → tile 64×128×16 where B·T ≥ 32 · lanes where B·T < 5
 * softmax over 50,257 columns            → one workgroup of 256 a row
 * attention of T queries, 12 heads of 64 → 64 lanes a query where B·12·T ≤ 1024 · tiles of 16 keys where T ≥ 64
 * ```
 * Every number by which one is chosen stands here. None of them was measured on a GPU: they follow from how many invocations a
 * device needs to be busy, and from how often an element is loaded: for a product 1/4 + 1/4 without tiles, 1/64 + 1/128 with the widest.
 */
import type { Graph, Node, NodeOf } from "../ir/graph.js";
import { pairwiseParts } from "../ir/ops/pairwise-parts.js";
import type { Size } from "../ir/shape.js";
import { evaluateSize, product } from "../ir/shape.js";
import type { Pairwise } from "../ir/streaming.js";
import { contractOf, family, pairwiseOf, partsOf, reducesOf, spaceOf } from "./family.js";
import type { Context } from "./kernels/context.js";
import type { Plan } from "./kernels/contract-plan.js";
import { planContract } from "./kernels/contract-plan.js";
import type { TileSizes } from "./kernels/contract-workgroup.js";
import { isSplitAlongK } from "./kernels/contract-workgroup.js";
import type { PairTile } from "./kernels/pairwise-stage.js";
import { channelsOf, operandsOf } from "./kernels/pairwise-stage.js";
import { canShareRows } from "./kernels/rows.js";

export type Cooperation =
  | { readonly how: "tile"; readonly sizes: TileSizes }
  | { readonly how: "lanes"; readonly subgroups?: true }
  | { readonly how: "rows"; readonly invocations: number; readonly subgroups?: true }
  | { readonly how: "split"; readonly invocations: number }
  | { readonly how: "pairs"; readonly tile: PairTile };

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
/** In subgroups 64 lanes have one column, and each takes four turns of k at a time: from so many on all have some. */
const leastOfSubgroups = { turns: 256 };
/** Rows shorter than this are as well read by one invocation each. */
const leastOfRow = 128;
/**
 * Rows from this length on have 256 invocations, shorter ones 64. Of the longer ones what their lanes do together is a small part, and in
 * subgroups of eight no smaller: they have no text of their own for subgroups.
 */
const longRow = 2048;
const rowInvocations = { short: 64, long: 256 };

/** Sums over pairs of so few rows in all leave a GPU idle if a row is one invocation's; each lane should have a tile of keys at least. */
const fewPairRows = { rows: 1024, others: 64, invocations: 64 };
/** From so many positions on each side on most of a workgroup's invocations have a position, and tiles are whole. */
const leastOfPairs = { own: 64, others: 32 };
/**
 * 64 invocations of two positions, where what they keep of both is at most so many numbers, else of one; they keep what they read at
 * their own positions up to so many. Half of the workgroup memory that every device has, so that two workgroups find place.
 */
const pairTile = { invocations: 64, two: 128, kept: 256, bytes: 8192, mostBytes: 16384 };

export function variantsOf(body: Graph, isStacked: Context["isStacked"]): readonly Variant[] {
  const found = family(body);
  if (found === "contract") {
    const isLong = isSplitAlongK({ body, isStacked }, leastOfSubgroups.turns);
    return contractVariants(body, contractOf(body)!).flatMap((one) => (isLong ? inSubgroups(one) : [one]));
  }
  if (found === "rows")
    return rowVariants(body, isStacked).flatMap((one) => (isLongRow(one) ? [one] : inSubgroups(one)));
  if (found === "pairwise") return pairVariants(pairwiseOf(body));
  return [];
}

/** Where lanes meet in one column, adapters with subgroups do that there; what runs everywhere comes after. */
function inSubgroups(variant: Variant): readonly Variant[] {
  const { cooperation } = variant;
  if (cooperation.how !== "lanes" && cooperation.how !== "rows") return [variant];
  return [{ ...variant, cooperation: { ...cooperation, subgroups: true } }, variant];
}

const isLongRow = ({ cooperation }: Variant): boolean =>
  cooperation.how === "rows" && cooperation.invocations === rowInvocations.long;

const atLeast = (size: Size, count: number): boolean => typeof size !== "number" || size >= count;

/** Conditions on a size that is not known yet; undefined where a known one fails. */
function needs(size: Size, from: number, below: number | null = null): readonly Condition[] | undefined {
  if (typeof size !== "number") return [{ size, from, below }];
  return size >= from && (below === null || size < below) ? [] : undefined;
}

/** Whether some lengths within their maxima meet all conditions: sizes grow with them, unless a term takes something away. */
export const canBeMet = ({ when }: Variant, maxima: Readonly<Record<string, number>>): boolean =>
  when.every(({ size, from }) => {
    if (typeof size === "number") return size >= from;
    const isOpen = size.some(
      ([factor, ...symbols]) => factor < 0 || symbols.some((name) => !(name in maxima)),
    );
    return isOpen || evaluateSize(size, maxima) >= from;
  });

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
  const invocations = atLeast(length, longRow) ? rowInvocations.long : rowInvocations.short;
  return [{ cooperation: { how: "rows", invocations }, when, fewRows: false }];
}

function pairVariants(nodes: readonly Pairwise[]): readonly Variant[] {
  const { space, over, heads } = nodes[0]!.attributes;
  if (over === "batch") return [];
  const rank = space.length;
  const [i, j] = [space[rank - 2]!.size, space[rank - 1]!.size];
  const [own, other] = over === "columns" ? [i, j] : [j, i];
  const rows = product([...space.slice(0, rank - 3).map(({ size }) => size), heads, own]);
  const few = needs(rows, 0, fewPairRows.rows + 1);
  const long = needs(other, fewPairRows.others);
  const split: Variant | undefined = few &&
    long && {
      cooperation: { how: "split", invocations: fewPairRows.invocations },
      when: [...few, ...long],
      fewRows: few.length > 0,
    };
  const sizes = [needs(own, leastOfPairs.own), needs(other, leastOfPairs.others)];
  const tile = choosePairTile(nodes);
  const pairs: Variant | undefined =
    tile && sizes[0] && sizes[1]
      ? { cooperation: { how: "pairs", tile }, when: [...sizes[0], ...sizes[1]], fewRows: false }
      : undefined;
  return [split, pairs].filter((variant) => variant !== undefined);
}

/** Undefined where not even four positions find place in workgroup memory. */
function choosePairTile(nodes: readonly Pairwise[]): PairTile | undefined {
  const operands = operandsOf(nodes);
  const channels = (of: readonly Node[]): number => of.reduce((sum, node) => sum + channelsOf(node), 0);
  const sums = nodes.flatMap((node) => pairwiseParts(node).x ?? []);
  const each = channels(sums) + channels(operands.own);
  const own = 2 * each <= pairTile.two ? 2 : 1;
  const bytes = 4 * channels(operands.other);
  const fits = (most: number) => [32, 16, 8, 4].find((count) => count * bytes <= most);
  const other = fits(pairTile.bytes) ?? fits(pairTile.mostBytes);
  if (other === undefined) return undefined;
  return { invocations: pairTile.invocations, own, other, keepsOwn: own * each <= pairTile.kept };
}
