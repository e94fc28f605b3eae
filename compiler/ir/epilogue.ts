/**
 * A contraction and values computed of it → which columns an invocation needs together, and where each of them ends up.
 *
 * ```
 * x = contract(…) [t, 2·f]: silu(x[:, :f]) · x[:, f:]      columns i and f + i together; one output, at (t, i)
 * q = rope(x[:, :h·16] as [h, t, 16])                      columns c and c ± 8 of a head together; one output, at (c ÷ 16, t, c mod 16)
 * ```
 * A column is outer · period + partner · (period / partners) + at · width + lane. An invocation has all partners and all lanes of one
 * (outer, at); everything that an output reads of the contraction has to be among them. That is proved here, with `outer` and `at` as
 * unknowns in their ranges, so that the fuse pass may ask and codegen may rely on it.
 */
import type { Columns, Member, Placement } from "./epilogue/columns.js";
import { columnLabels, columnOf, membersOf, placeOf, rangesOf, sizeOfLabel } from "./epilogue/columns.js";
import { coversOf } from "./epilogue/covers.js";
import { createReader } from "./epilogue/reads.js";
import type { Node, NodeOf } from "./graph.js";
import { ops } from "./ops/index.js";
import { product, sameSizes } from "./shape.js";

/** The elements of one output: for each way from the contraction to it, where each member ends up, if it does. */
export interface Part {
  readonly node: Node;
  readonly covers: readonly (readonly (Placement | undefined)[])[];
}

export interface Epilogue {
  readonly columns: Columns;
  readonly members: readonly Member[];
  readonly parts: readonly Part[];
}

/** More partners than these would take an invocation's registers. */
const PARTNERS = [1, 2, 4] as const;
/** Lengths of columns of which one is tried as the period. */
const MOST_PERIODS = 24;

/** Whether all that follows are maps of the contraction's own elements. */
export function isPlainEpilogue(
  contract: Node,
  dependents: ReadonlySet<Node>,
  outputs: readonly Node[],
): boolean {
  const isPlain = (node: Node): boolean =>
    node === contract || (ops[node.op].kind === "map" && sameSizes(node.shape, contract.shape));
  return [...dependents].every(isPlain) && outputs.every((node) => sameSizes(node.shape, contract.shape));
}

/** The nodes between the contraction and the outputs, operands first; `isInside`: what is computed together with it. */
export function dependentsOf(
  contract: Node,
  outputs: readonly Node[],
  isInside: (node: Node) => boolean,
): ReadonlySet<Node> {
  const found = new Set<Node>([contract]);
  const seen = new Map<Node, boolean>([[contract, true]]);
  const visit = (node: Node): boolean => {
    const known = seen.get(node);
    if (known !== undefined) return known;
    seen.set(node, false);
    const depends = isInside(node) && node.inputs.map(visit).includes(true);
    seen.set(node, depends);
    if (depends) found.add(node);
    return depends;
  };
  for (const node of outputs) visit(node);
  return found;
}

/** What an output's elements are computed as: an update's are its rows. */
export const computedBy = (output: Node): Node => (output.op === "update" ? output.inputs[1]! : output);

/** By contraction, then by what follows it: whoever fuses asks for it, and then each kernel of it. */
const epilogues = new WeakMap<object, Map<string, Epilogue | undefined>>();

/** Undefined where no way of numbering the columns brings together what the outputs need. */
export function epilogueOf(
  contract: NodeOf<"contract">,
  outputs: readonly Node[],
  isInside: (node: Node) => boolean = () => true,
): Epilogue | undefined {
  const dependents = dependentsOf(contract as Node, outputs.map(computedBy), isInside);
  const known = epilogues.get(contract) ?? new Map<string, Epilogue | undefined>();
  epilogues.set(contract, known);
  const key = `${outputs.map((node) => node.key).join()} ${[...dependents].map((node) => node.key).join()}`;
  if (!known.has(key)) known.set(key, searched(contract, outputs, dependents));
  return known.get(key);
}

function searched(
  contract: NodeOf<"contract">,
  outputs: readonly Node[],
  dependents: ReadonlySet<Node>,
): Epilogue | undefined {
  const count = product(columnLabels(contract).map((label) => sizeOfLabel(contract, label)));
  if (typeof count !== "number" || count === 0) return undefined;
  const values = outputs.map(computedBy);
  const periods = periodsOf([...dependents], count);
  for (const partners of PARTNERS)
    for (const width of [4, 2, 1] as const)
      for (const period of periods) {
        if (period % (partners * width) !== 0) continue;
        const found = tried(contract, values, dependents, { count, period, partners, width });
        if (found) return { ...found, parts: found.parts.map((part, n) => ({ ...part, node: outputs[n]! })) };
      }
  return undefined;
}

/** Divisors of the number of columns at which something ends, the longest first. */
function periodsOf(dependents: readonly Node[], count: number): readonly number[] {
  const found = new Set([count]);
  const add = (n: number): void => {
    const common = greatestCommonDivisor(n, count);
    if (common > 0) found.add(common);
  };
  for (const node of dependents) {
    let length = 1;
    for (const { size } of [...node.shape].reverse()) {
      if (typeof size !== "number") break;
      length *= size;
      add(length);
    }
    if (node.op !== "slice") continue;
    const { axis, start, size } = node.attributes;
    const inner = product(node.shape.slice(axis + 1).map((of) => of.size));
    for (const end of [start, size])
      if (typeof end === "number" && typeof inner === "number") add(end * inner);
  }
  const ends = [...found].sort((x, y) => y - x);
  const common = ends.reduce((x, y) => greatestCommonDivisor(x, y));
  return [...new Set([...ends, common])].slice(0, MOST_PERIODS);
}

const greatestCommonDivisor = (x: number, y: number): number =>
  y === 0 ? x : greatestCommonDivisor(y, x % y);

function tried(
  contract: NodeOf<"contract">,
  values: readonly Node[],
  dependents: ReadonlySet<Node>,
  columns: Columns,
): Epilogue | undefined {
  const members = membersOf(columns);
  const ranges = rangesOf(columns);
  const places = members.map((member) => placeOf(contract, columnOf(columns, member), ranges));
  if (!places.every((place) => place !== undefined)) return undefined;
  const reader = createReader(contract, dependents, columns);
  const order = [...dependents];
  const parts: Part[] = [];
  for (const node of values) {
    if (!dependents.has(node) && !sameSizes(node.shape, contract.shape)) return undefined;
    const covers = coversOf({ contract, node, order, places, columns });
    const placements = covers?.flat().flatMap((placement) => placement ?? []);
    if (!covers || !placements!.every((placement) => reader.reads(node, placement))) return undefined;
    parts.push({ node, covers });
  }
  return { columns, members, parts };
}
