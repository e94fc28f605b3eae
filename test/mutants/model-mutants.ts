/**
 * Faults in what random graphs do not have: passes that look for attention, projections and losses, the printed kernels of attention,
 * and slots that two live values share. Each is injected into the compilation of one small model.
 */
import type { Builder } from "../../compiler/ir/builder.js";
import type { Graph, Node, NodeOf } from "../../compiler/ir/graph.js";
import { rewrite } from "../../compiler/ir/rewrite.js";
import type { Pass } from "../../compiler/passes/pass.js";
import { modelPasses, pipeline } from "../../compiler/passes/pipeline.js";
import type { Schedule } from "../../compiler/passes/schedule.js";
import type { Program } from "../../runtime/program.js";

export const decoder = `model m : decoder {
  vocab = 11; context = 8; d_model = 8; layers = 2; heads = 2; tied = false; head_bias = true
  train { optimizer = sgd(lr: 1e-2); batch = 8 }
}
`;

type Change = (node: Node, b: Builder) => Node | undefined;

export interface PassMutant {
  readonly pass: string;
  readonly name: string;
  readonly passes: readonly Pass[];
  readonly modelPasses: readonly Pass[];
}

const changed = (graph: Graph, b: Builder, change: Change): Graph =>
  rewrite(graph, b, (node, inputs) => change(b.remake(node, inputs), b), { bodies: true });

/** The pass and what damages its result, as one of its name; those after it are left out. */
function mutant(pass: string, name: string, change: Change): PassMutant {
  const damage: Pass = {
    ...{ name: pass, says: "", from: 0 },
    run: (graph, { builder }) => changed(graph, builder, change),
  };
  const own = modelPasses.findIndex((one) => one.name === pass);
  if (own >= 0) return { pass, name, passes: [], modelPasses: [...modelPasses.slice(0, own + 1), damage] };
  const at = pipeline.findIndex((one) => one.name === pass);
  const right = pipeline[at]!;
  const wrong: Pass = {
    ...right,
    run: (graph, context) => damage.run(right.run(graph, context), context),
  };
  return { pass, name, passes: [...pipeline.slice(0, at), wrong], modelPasses };
}

const isPairwise = (node: Node): node is NodeOf<"pairwise"> & Node => node.op === "pairwise";
type PairAttributes = NodeOf<"pairwise">["attributes"];
const pairs =
  (change: (attributes: PairAttributes, b: Builder) => Partial<PairAttributes> | undefined): Change =>
  (node, b) => {
    if (!isPairwise(node)) return undefined;
    const attributes = change(node.attributes, b);
    return attributes && (b.make("pairwise", node.inputs, { ...node.attributes, ...attributes }) as Node);
  };

/** A formula with another root. */
const rooted = ({ outputs, ...graph }: Graph, change: (root: Node) => Node): Graph => ({
  ...graph,
  outputs: outputs.map(({ name, node }) => ({ name, node: change(node) })),
});

/** In the bodies of loops over chunks of rows, and nowhere else. */
const inChunks =
  (change: Change): Change =>
  (node, b) =>
    node.op === "repeat" && isChunked(node)
      ? (b.make("repeat", node.inputs, {
          ...node.attributes,
          body: changed(node.attributes.body, b, change),
        }) as Node)
      : undefined;
const isChunked = ({ attributes: { count } }: NodeOf<"repeat">): boolean =>
  typeof count === "object" && "tile" in count;
const isCarry = (node: Node | undefined): boolean => node?.op === "input" && node.attributes.kind === "carry";

export const passMutants: readonly PassMutant[] = [
  mutant("form_mix", "attention without its mask", (node, b) =>
    node.op === "mix" ? b.make("mix", node.inputs, { ...node.attributes, mask: undefined }) : undefined,
  ),
  mutant("form_mix", "scores as they are for weights", (node, b) =>
    node.op === "mix" ? b.make("mix", node.inputs, { ...node.attributes, weight: "identity" }) : undefined,
  ),
  mutant("merge_projections", "every part is the first one", (node, b) => {
    if (node.op !== "slice" || node.attributes.start === 0) return undefined;
    return b.slice(node.inputs[0]!, node.attributes.axis, 0, node.attributes.size);
  }),
  mutant("merge_projections", "parts begin one too early", (node, b) => {
    if (node.op !== "slice" || typeof node.attributes.start !== "number" || node.attributes.start === 0)
      return undefined;
    return b.slice(node.inputs[0]!, node.attributes.axis, node.attributes.start - 1, node.attributes.size);
  }),
  mutant(
    "stream",
    "pairs that the mask forbids",
    pairs((a) => (a.mask ? { mask: undefined } : undefined)),
  ),
  mutant(
    "stream",
    "weights upside down",
    pairs(({ formula }, b) =>
      formula.outputs[0]!.node.op === "exp"
        ? { formula: rooted(formula, (x) => b.exp(b.neg(x.inputs[0]!))) }
        : undefined,
    ),
  ),
  mutant(
    "stream",
    "a sum where its logarithm is meant",
    pairs((a) => (a.reduce === "logsumexp" ? { reduce: "sum" } : undefined)),
  ),
  mutant(
    "merge_pairs",
    "half of every gradient that is no weight",
    pairs(({ formula }, b) =>
      formula.outputs[0]!.node.op === "exp"
        ? undefined
        : { formula: rooted(formula, (x) => b.mul(x, b.const(0.5, "f32"))) },
    ),
  ),
  mutant(
    "merge_pairs",
    "a difference for a sum",
    pairs(({ formula }, b) =>
      formula.outputs[0]!.node.op === "exp" ? undefined : { formula: rooted(formula, (x) => b.neg(x)) },
    ),
  ),
  mutant(
    "chunk_rows",
    "rows beyond the last one count",
    inChunks((node) =>
      node.op === "select" && node.inputs[0]!.op === "broadcast" && node.inputs[0]!.inputs[0]!.op === "lt"
        ? node.inputs[1]
        : undefined,
    ),
  ),
  mutant(
    "chunk_rows",
    "sums over the last chunk alone",
    inChunks((node) => (node.op === "add" && isCarry(node.inputs[0]) ? node.inputs[1] : undefined)),
  ),
  mutant(
    "chunk_rows",
    "every chunk is written over the first",
    inChunks((node, b) =>
      node.op === "update"
        ? b.update(node.inputs[0]!, node.inputs[1]!, b.const(0, "i32"), node.attributes.axis)
        : undefined,
    ),
  ),
  mutant("chunk_rows", "half of the chunks", (node, b) => {
    if (node.op !== "repeat" || !isChunked(node)) return undefined;
    const { size, tile } = node.attributes.count as { readonly size: number; readonly tile: number };
    return b.make("repeat", node.inputs, {
      ...node.attributes,
      count: { size, tile: 2 * tile },
    }) as Node;
  }),
  mutant("factor_reductions", "a maximum for a sum", (node, b) =>
    node.op === "reduce" && node.attributes.kind === "sum"
      ? b.reduce("max", node.inputs[0]!, node.attributes.axes)
      : undefined,
  ),
  mutant("fuse", "a kernel whose sums are differences", (node, b) =>
    node.op === "fused"
      ? (b.make("fused", node.inputs, {
          body: changed(node.attributes.body, b, (one) =>
            one.op === "add" && one.dtype === "f32" ? b.sub(one.inputs[0]!, one.inputs[1]!) : undefined,
          ),
        }) as Node)
      : undefined,
  ),
];

/** Another text of the kernels of some name, for the CPU. */
export interface KernelMutant {
  readonly name: string;
  readonly kernels: RegExp;
  readonly from: string;
  readonly to: string;
}

export const kernelMutants: readonly KernelMutant[] = [
  { name: "a position does not see itself", kernels: /^pairwise_columns_logsumexp/, from: "<=", to: "<" },
  { name: "every second tile is left out", kernels: /^pairwise_columns_logsumexp/, from: "+= 4", to: "+= 8" },
  { name: "weights without their exponential", kernels: /^pairwise_columns/, from: "Math.exp(", to: "(" },
  { name: "gradients of keys of other pairs", kernels: /^pairwise_rows/, from: "<=", to: ">=" },
  { name: "tiles of gradients overlap", kernels: /^pairwise_rows/, from: "+= 4", to: "+= 2" },
  { name: "gradients without weights", kernels: /^pairwise_rows/, from: "Math.exp(", to: "(" },
];

/** The program, and how many of its kernels are others. */
export function withKernels(
  program: Program,
  { kernels, from, to }: KernelMutant,
): { readonly program: Program; readonly count: number } {
  const text = (code: string): string => code.replaceAll(from, to);
  const all = program.kernels.map((kernel) =>
    kernels.test(kernel.name)
      ? { ...kernel, javascript: { ...kernel.javascript, code: text(kernel.javascript.code) } }
      : kernel,
  );
  const count = all.filter(
    (kernel, n) => kernel.javascript.code !== program.kernels[n]!.javascript.code,
  ).length;
  return { program: { ...program, kernels: all }, count };
}

/** Kernels with such an op write over what they read, though an element is read after another one is written. */
export const inPlaceMutants: readonly Node["op"][] = ["contract", "pairwise", "scatter_add"];

/** The first such step's result and operand in one slot, as if the in-place rule had allowed it. */
export function sharing(scheduled: Schedule, op: Node["op"]): Schedule | undefined {
  const isTemporary = (slot: number): boolean => scheduled.slots[slot]!.role === "temporary";
  const grad = scheduled.entries.find(({ name }) => name === "grad")!;
  for (const { body, reads, writes } of grad.steps) {
    if (!body.outputs.some(({ node }) => node.op === op)) continue;
    const to = writes.find(({ slot }) => isTemporary(slot))?.slot;
    const from = reads.find(({ slot }) => isTemporary(slot) && slot !== to)?.slot;
    if (to !== undefined && from !== undefined) return merged(scheduled, to, from);
  }
  return undefined;
}

function merged(scheduled: Schedule, one: number, other: number): Schedule {
  const place = <P extends { readonly slot: number }>(at: P): P =>
    at.slot === other ? { ...at, slot: one } : at;
  return {
    ...scheduled,
    slots: scheduled.slots.map((slot, n) =>
      n === one ? { ...slot, sizes: [...slot.sizes, ...scheduled.slots[other]!.sizes] } : slot,
    ),
    entries: scheduled.entries.map((entry) => ({
      ...entry,
      outputs: entry.outputs.map((output) => ({ ...output, place: place(output.place) })),
      steps: entry.steps.map((step) => ({
        ...step,
        reads: step.reads.map(place),
        writes: step.writes.map(place),
      })),
    })),
  };
}
