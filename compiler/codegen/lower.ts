/**
 * The body of one step → one Kernel.
 *
 * ```
 * contract(x [b=B, t=T, d=64], w [d=64, n=256]) + bias → contract, 4×4 elements an invocation, bias added before the store
 * ```
 *
 * ## What one body may hold (the fuse pass keeps these rules; `canLower` states them as code)
 *
 * 1. Leaves: `input` of kind fixed, scalar or turn; const, iota, length, random. Above them: maps, layout ops (broadcast,
 *    transpose, reshape, slice, pad, concat), gather, contract, reduce, scatter_add, update. No composite, region, get or table.
 * 2. At most 8 bindings: distinct places of `fixed` inputs, plus outputs that do not share a place with an input.
 * 3. A node is *pointwise* when no contract, reduce, scatter_add or update lies in its cone. Pointwise nodes may be anywhere in any
 *    family; each use under another index computes them again, so only cheap ones belong under a broadcast or a contract.
 * 4. The family follows from the heavy ops of the body:
 *    - **pointwise** (none): all outputs have equal sizes.
 *    - **rows** (reduce, any number): all reduces have operands of the same sizes S and the same `axes` R. Every node that depends on a
 *      reduce is a map, a reduce as above, or a broadcast from sizes S∖R to sizes S whose `from` names the kept axes in order
 *      (−1 at R). Outputs have sizes S or S∖R, pointwise ones included.
 *    - **contract** (exactly one contract, nothing else heavy): its operands are pointwise. Every node that depends on it is a map of the
 *      contract's sizes. All outputs have those sizes.
 *    - **pairwise** (pairwise, any number): all sum the same pairs in the same direction, of at most 256 channels; their operands are
 *      pointwise, but for the logsumexp that a sum is relative to (`isRescaled`). Outputs are pairwise nodes.
 *    - **scatter** (exactly one scatter_add, nothing else heavy): its operands are pointwise and it is the only output.
 *    - **update** (exactly one update, nothing else heavy): x is a `fixed` input that nothing else reads and whose place the output
 *      takes, rows and index are pointwise, and it is the only output. It writes the rows alone.
 *    - **cumsum** (exactly one cumsum, nothing else heavy): as scatter.
 * 5. In place: an output may take the place of an input when every use of that input on the way to every output is through maps alone
 *    (in rows: also through reduce and broadcasts back, as in softmax), has the output's sizes, and in contract happens after the
 *    contract. Not in scatter. Otherwise `lower` throws.
 *
 * Costs: one invocation per row in rows, so split one large reduction into two stages by a reshape; maps below a contract
 * run once per tile that reads them.
 */
import type { Graph, Node } from "../ir/graph.js";
import type { Family } from "./family.js";
import { contractOf, family, nodesOf, pairwiseOf } from "./family.js";
import type { Binding, Expr, Kernel, Stmt } from "./kernel.js";
import { add, i32 } from "./kernel.js";
import type { Context, Launch, Target } from "./kernels/context.js";
import { lowerContract } from "./kernels/contract.js";
import { lowerContractLanes, lowerContractTile } from "./kernels/contract-workgroup.js";
import { lowerCumsum } from "./kernels/cumsum.js";
import { lowerPairwise } from "./kernels/pairwise.js";
import { lowerPointwise } from "./kernels/pointwise.js";
import { lowerRows } from "./kernels/rows.js";
import { lowerScatter } from "./kernels/scatter.js";
import { lowerUpdate } from "./kernels/update.js";
import type { Scope } from "./scope.js";
import { createScope } from "./scope.js";
import { tidy, wideBindings } from "./tidy.js";
import { checkUniform } from "./uniform.js";
import type { Access, Read } from "./values.js";
import { createValues, fixedNumber, storageType } from "./values.js";
import type { Cooperation, Variant } from "./variants.js";
import { variantsOf } from "./variants.js";

export { canLower, type Family, family } from "./family.js";

/** What a step says about one value's place. */
export interface Operand {
  readonly stacked: boolean;
}

export interface LowerOptions {
  /** Write n uses the binding of read m: both are the same place. */
  readonly aliases?: ReadonlyMap<number, number>;
  /** Read n uses the binding of an earlier read m: both are the same place. */
  readonly shared?: ReadonlyMap<number, number>;
  /** The cooperative kernel of the body's family that is wanted; absent: the barrier-free one. */
  readonly cooperation?: Cooperation | undefined;
}

const families: { readonly [K in Family]: (context: Context) => Launch } = {
  pointwise: lowerPointwise,
  rows: (context) => lowerRows(context),
  contract: lowerContract,
  pairwise: lowerPairwise,
  scatter: lowerScatter,
  update: lowerUpdate,
  cumsum: lowerCumsum,
};

/** Bindings: the reads in order, then the writes, without those that use another's. */
export function lower(
  body: Graph,
  reads: readonly Operand[],
  writes: readonly Operand[],
  options: LowerOptions = {},
): Kernel {
  const found = family(body);
  if (typeof found !== "string")
    throw new Error(`internal: no kernel computes ${body.name}: ${found.reason}`);
  const places = assignBindings(body, reads, writes, options);
  const scope = createScope();
  const context: Context = {
    body,
    scope,
    values: createValues(scope, places.reads),
    outputs: places.outputs,
    stores: [],
    isStacked: (input) => input.op === "input" && (places.reads[fixedNumber(input)]?.stacked ?? false),
  };
  const launch = options.cooperation ? lowerTogether(context, options.cooperation) : families[found](context);
  checkInPlace(context, places.bindings);
  const statements = tidy(scope.finish());
  const kernel: Kernel = {
    name: kernelName(body, found),
    bindings: widened(places.bindings, statements),
    ...launch,
    body: statements,
  };
  const [parting] = checkUniform(kernel);
  if (parting) throw new Error(`internal: ${kernel.name}: ${parting}`);
  return kernel;
}

function lowerTogether(context: Context, cooperation: Cooperation): Launch {
  switch (cooperation.how) {
    case "tile":
      return lowerContractTile(context, cooperation.sizes);
    case "lanes":
      return lowerContractLanes(context);
    case "rows":
      return lowerRows(context, cooperation.invocations);
    default:
      return cooperation satisfies never;
  }
}

/** The cooperative kernels of a body beside its barrier-free one. */
export const cooperations = (body: Graph, reads: readonly Operand[]): readonly Variant[] =>
  variantsOf(body, (input) => input.op === "input" && (reads[fixedNumber(input)]?.stacked ?? false));

interface Places {
  readonly reads: readonly Read[];
  readonly outputs: readonly Target[];
  readonly bindings: readonly Binding[];
}

function assignBindings(
  body: Graph,
  reads: readonly Operand[],
  writes: readonly Operand[],
  { aliases = new Map(), shared = new Map() }: LowerOptions,
): Places {
  const fixed = fixedInputs(body);
  const bindings: Binding[] = [];
  const placed: Read[] = [];
  reads.forEach(({ stacked }, n) => {
    const same = shared.get(n);
    if (same === undefined)
      bindings.push({ type: storageType(fixed.get(n)?.dtype ?? "f32"), width: 1, access: "read" });
    placed.push({ binding: same === undefined ? bindings.length - 1 : placed[same]!.binding, stacked });
  });
  const outputs = body.outputs.map(({ node }, n): Target => {
    const read = aliases.get(n);
    const stacked = writes[n]?.stacked ?? false;
    if (node.op === "update" && (read === undefined || node.inputs[0] !== fixed.get(read)))
      throw new Error("internal: an update is not in place of its operand");
    if (read === undefined) {
      bindings.push({
        type: storageType(node.dtype),
        width: 1,
        access: node.op === "scatter_add" ? "both" : "write",
      });
      return { node, binding: bindings.length - 1, stacked };
    }
    const { binding } = placed[read]!;
    if (bindings[binding]!.type !== storageType(node.dtype))
      throw new Error("internal: in place over another type");
    bindings[binding] = { ...bindings[binding]!, access: "both" };
    return { node, binding, stacked };
  });
  return { reads: placed, outputs, bindings };
}

function fixedInputs(body: Graph): ReadonlyMap<number, Node> {
  const fixed = new Map<number, Node>();
  for (const node of nodesOf(body))
    if (node.op === "input" && node.attributes.kind === "fixed") fixed.set(fixedNumber(node), node);
  return fixed;
}

/** An output may lie on an input only where each element is read by the invocation that overwrites it, at that index; an update reads none. */
function checkInPlace({ scope, values, stores, outputs }: Context, bindings: readonly Binding[]): void {
  const indices = (accesses: readonly Access[], binding: number): readonly Expr[] =>
    accesses.flatMap(({ binding: own, index, width }) =>
      own === binding ? Array.from({ length: width }, (_, n) => add(index, i32(n))) : [],
    );
  for (const { binding, node } of outputs) {
    if (bindings[binding]!.access !== "both" || node.op === "scatter_add") continue;
    const [read, written] = [indices(values.loads, binding), indices(stores, binding)];
    if (!isAmong(read, written, scope.key) && !isAmong(read, written, (index) => addressKey(scope, index)))
      throw new Error("internal: an output in place of an input that is read elsewhere");
  }
}

function isAmong(some: readonly Expr[], all: readonly Expr[], key: (index: Expr) => string): boolean {
  const keys = new Set(all.map(key));
  return some.every((index) => keys.has(key(index)));
}

/** Equal for equal sums, in whatever order; loop counters by number, since the loops of one kernel walk the same space. */
function addressKey(scope: Scope, index: Expr): string {
  let constant = 0;
  const terms: string[] = [];
  const visit = (x: Expr): void => {
    const meaning = scope.definition(x);
    if (meaning.tag === "const") constant += meaning.value;
    else if (meaning.tag === "binary" && meaning.fn === "add") {
      visit(meaning.x);
      visit(meaning.y);
    } else terms.push(scope.spelled(meaning));
  };
  visit(index);
  const counters = [...new Set(terms.join().match(/\bi_\d+\b/g) ?? [])].sort(
    (x, y) => Number(x.slice(2)) - Number(y.slice(2)),
  );
  const named = (text: string): string => text.replace(/\bi_\d+\b/g, (name) => `i#${counters.indexOf(name)}`);
  return [...terms.map(named).sort(), constant].join("+");
}

const widened = (bindings: readonly Binding[], statements: readonly Stmt[]): readonly Binding[] => {
  const wide = wideBindings(statements);
  return bindings.map((binding, n): Binding => ({ ...binding, width: wide.has(n) ? 4 : 1 }));
};

/** The ops that matter, as an identifier: `contract_add_tanh`. */
function kernelName(body: Graph, found: Family): string {
  const quiet: ReadonlySet<Node["op"]> = new Set([
    "input",
    "const",
    "broadcast",
    "reshape",
    "transpose",
    "length",
    "iota",
  ]);
  const ops = [...new Set(nodesOf(body).map((node) => node.op))].filter((op) => !quiet.has(op));
  if (found === "pairwise") return pairwiseName(body);
  const head = contractOf(body) ? ["contract"] : found === "rows" ? ["rows"] : [];
  const rest = ops.filter((op) => !head.includes(op)).slice(0, 4);
  return [...head, ...rest].join("_") || "copy";
}

/** `pairwise_columns_logsumexp_sum_exp`: the direction, what is summed, and the functions of the formulas. */
function pairwiseName(body: Graph): string {
  const nodes = pairwiseOf(body);
  const kinds = nodes.map(({ attributes }) => attributes.reduce);
  const functions = nodes
    .flatMap(({ attributes }) => nodesOf(attributes.formula).map(({ op }) => op))
    .filter((op) => op === "exp" || op === "tanh" || op === "random");
  return ["pairwise", nodes[0]!.attributes.over, ...new Set([...kinds, ...functions])].join("_");
}
