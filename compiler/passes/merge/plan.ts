/**
 * Built → its packing: which leaves lie side by side in one, for all entries alike.
 *
 * ```
 * wq [2, 64, 4, 16]  wk [2, 64, 2, 16]  wv [2, 64, 2, 16], each read by one projection of the same x
 *   → layers.*.attention.wq+wk+wv [2, 64, 128]: wq from 0, wk from 64, wv from 96 along axis 1 of a turn
 * ```
 * Leaves that always meet the same operand, in every graph of the model, are packed. What else reads one of them, another
 * treatment by the optimizer or an optimizer that does not look at each element by itself keeps them apart.
 */
import type { Built, Graph, Node, OptimizerRule, ParameterInfo } from "../../ir/graph.js";
import { ops } from "../../ir/ops/index.js";
import { topologicalFrom } from "../../ir/rewrite.js";
import type { Shape } from "../../ir/shape.js";
import type { PassContext } from "../pass.js";
import { isOp } from "../rule.js";
import type { Projection } from "./projections.js";
import { projectionOf } from "./projections.js";
import type { Use } from "./weights.js";
import { usesOf } from "./weights.js";

/** Leaves that become one. */
export interface PackedLeaf {
  readonly name: string;
  /** Of one turn where it is a stack. */
  readonly shape: Shape;
  readonly turns: number | undefined;
  /** The axis of a turn along which the parts lie. */
  readonly axis: number;
  readonly parts: readonly PackedPart[];
  /** The packed biases of the parts, in the same order, where each has one. */
  readonly bias: string | undefined;
}

export interface PackedPart {
  readonly leaf: string;
  /** Of one turn, as written. */
  readonly shape: Shape;
  /** How many of its axes lie along the packed one. */
  readonly axes: number;
  readonly start: number;
  readonly size: number;
}

export type Packing = readonly PackedLeaf[];

/** What is known of one leaf. */
interface Leaf {
  readonly name: string;
  readonly infos: readonly ParameterInfo[];
  readonly projections: readonly Projection[];
  readonly others: readonly Use[];
}

export function planPacking(built: Built, { builder: b, explain }: PassContext): Packing {
  const leaves = leavesOf(built);
  const candidates = [...leaves.values()].filter(
    ({ projections, infos }) => projections.length > 0 && infos.every(({ part }) => part === undefined),
  );
  const shared = sharedOperands(candidates);
  const groups = new Map<string, Leaf[]>();
  for (const leaf of candidates) {
    const [first] = leaf.projections;
    if (!leaf.projections.some(({ key }) => shared.get(key)!.size > 1)) continue;
    const key = leaf.others.length > 0 ? undefined : identity(leaf);
    if (key === undefined) explain?.(first!.node, `${leaf.name} is not packed: something else reads it too`);
    else groups.set(key, [...(groups.get(key) ?? []), leaf]);
  }
  return [...groups.values()].flatMap((group): Packing => {
    const why =
      group.length < 2 ? "nothing that is treated alike shares its operand" : reason(group, built, b);
    if (why === undefined) return packed(group, leaves, built, b);
    for (const { name, projections } of group)
      explain?.(projections[0]!.node, `${name} is not packed: ${why}`);
    return [];
  });
}

/** The graphs that a model's leaves are read in. */
const graphsOf = ({ forward, loss, evaluation }: Built): readonly Graph[] =>
  [loss, evaluation, forward].flatMap((graph, n) => (graph ? [{ ...graph, name: String(n) }] : []));

export const stacksOf = ({ parameters }: Pick<Built, "parameters">): ReadonlySet<string> =>
  new Set(parameters.flatMap(({ leaf, turn }) => (turn === undefined ? [] : [leaf])));

function leavesOf(built: Built): ReadonlyMap<string, Leaf> {
  const stacks = stacksOf(built);
  const uses = new Map<string, Use[]>();
  const infos = new Map<string, ParameterInfo[]>();
  for (const info of built.parameters) {
    infos.set(info.leaf, [...(infos.get(info.leaf) ?? []), info]);
    uses.set(info.leaf, []);
  }
  for (const graph of graphsOf(built))
    for (const use of usesOf(graph, stacks)) uses.get(use.weight.leaf)?.push(use);
  return new Map(
    [...uses].map(([name, all]): [string, Leaf] => {
      const found = all.map((use) => ({ use, projection: projectionOf(use) }));
      return [
        name,
        {
          name,
          infos: infos.get(name)!,
          projections: found.flatMap(({ projection }) => projection ?? []),
          others: found.flatMap(({ use, projection }) => (projection ? [] : [use])),
        },
      ];
    }),
  );
}

/** Key of a projection → the leaves that have one. */
function sharedOperands(leaves: readonly Leaf[]): ReadonlyMap<string, ReadonlySet<string>> {
  const shared = new Map<string, Set<string>>();
  for (const { name, projections } of leaves)
    for (const { key } of projections) shared.set(key, (shared.get(key) ?? new Set()).add(name));
  return shared;
}

/** Equal for leaves that meet the same operands and are treated alike. */
function identity({ projections, infos }: Leaf): string {
  const keys = [...new Set(projections.map(({ key, axis }) => `${key}@${axis}`))].sort();
  return JSON.stringify([keys, treatment(infos)]);
}

const treatment = (infos: readonly ParameterInfo[]): readonly unknown[] =>
  infos.map(({ turn, frozen, decay }) => [turn ?? "whole", frozen, decay]);

function reason(group: readonly Leaf[], built: Built, b: PassContext["builder"]): string | undefined {
  const trainable = group.some(({ infos }) => !infos[0]!.frozen);
  const leaf = leafNode(group[0]!, b);
  return trainable && built.optimizer && !isElementwise(built.optimizer, leaf, b)
    ? `${built.optimizer.name} looks at more than one element of a parameter at a time`
    : undefined;
}

const leafNode = ({ infos }: Leaf, b: PassContext["builder"]): Node =>
  b.input("parameter", "trial", infos[0]!.shape, "f32");

/** Whether each element's step depends on that element alone, so that parameters may lie in one leaf. */
function isElementwise(optimizer: OptimizerRule, leaf: Node, b: PassContext["builder"]): boolean {
  const like = (name: string): Node => b.input("state", name, leaf.shape, "f32");
  return [true, false].every((decays) => {
    const { parameter, states } = optimizer.apply(
      leaf,
      like("gradient"),
      optimizer.states.map(({ name }) => like(name)),
      decays,
    );
    return topologicalFrom([parameter, ...states]).every(isElementwiseOp);
  });
}

const isElementwiseOp = (node: Node): boolean =>
  isOp(node, "input") ||
  isOp(node, "const") ||
  (isOp(node, "broadcast") && node.inputs[0]!.shape.length === 0) ||
  ops[node.op].kind === "map";

function packed(
  group: readonly Leaf[],
  leaves: ReadonlyMap<string, Leaf>,
  built: Built,
  b: PassContext["builder"],
): Packing {
  const axis = group[0]!.projections[0]!.axis;
  const biases = biasesOf(group, leaves);
  const isPacked = biases && reason(biases, built, b) === undefined;
  const weights = sideBySide(group, axis);
  if (!isPacked) return [{ ...weights, bias: undefined }];
  const bias = sideBySide(biases, 0);
  return [
    { ...weights, bias: bias.name },
    { ...bias, bias: undefined },
  ];
}

/** The parts along one axis of a turn; biases have no axes but their own. */
function sideBySide(group: readonly Leaf[], axis: number): Omit<PackedLeaf, "bias"> {
  let start = 0;
  const parts = group.map(({ name, infos, projections }): PackedPart => {
    const { shape } = infos[0]!;
    const own = projections[0]?.own ?? shape;
    const size = own.reduce((n, { size: each }) => n * (each as number), 1);
    start += size;
    return { leaf: name, shape, axes: own.length, start: start - size, size };
  });
  const [first] = group as [Leaf, ...Leaf[]];
  const { shape } = first.infos[0]!;
  const count = first.projections[0]?.own.length ?? shape.length;
  const name = joined(group.map((leaf) => leaf.name));
  return {
    name,
    shape: [
      ...shape.slice(0, axis),
      { name: axisName(group) ?? name.slice(name.lastIndexOf(".") + 1), size: start },
      ...shape.slice(axis + count),
    ],
    turns: first.infos[0]!.turn === undefined ? undefined : first.infos.length,
    axis,
    parts,
  };
}

/** The name that a part which is sliced and not reshaped keeps. */
const axisName = (group: readonly Leaf[]): string | undefined =>
  group.flatMap(({ projections: [first], infos: [info] }) => {
    const own = first?.own ?? info!.shape;
    return own.length === 1 ? [own[0]!.name] : [];
  })[0];

/** `a.b.wq`, `a.b.wk` → `a.b.wq+wk`. */
function joined(names: readonly string[]): string {
  const paths = names.map((name) => name.split("."));
  const [first] = paths as [string[], ...string[][]];
  let common = 0;
  while (
    common < first.length - 1 &&
    paths.every((path) => path[common] === first[common] && path.length > common + 1)
  )
    common++;
  return [...first.slice(0, common), paths.map((path) => path.slice(common).join(".")).join("+")].join(".");
}

/** The biases of all parts, where each has one of its own that nothing else reads. */
function biasesOf(group: readonly Leaf[], leaves: ReadonlyMap<string, Leaf>): readonly Leaf[] | undefined {
  const biases = group.map(({ projections }) => {
    const names = new Set(projections.map(({ bias }) => bias?.weight.leaf));
    const [name] = names;
    return names.size === 1 && name !== undefined ? leaves.get(name) : undefined;
  });
  const [first] = biases;
  if (!first || new Set(biases).size < biases.length) return undefined;
  const isOwn = biases.every(
    (leaf, n) =>
      leaf &&
      leaf.projections.length === 0 &&
      JSON.stringify(treatment(leaf.infos)) === JSON.stringify(treatment(first.infos)) &&
      isStackedLike(leaf, group[n]!) &&
      leaf.others.every(
        ({ by }) => by && group[n]!.projections.some(({ bias }) => bias?.sum.inputs.includes(by)),
      ),
  );
  return isOwn ? (biases as readonly Leaf[]) : undefined;
}

const isStackedLike = (a: Leaf, b: Leaf): boolean =>
  JSON.stringify(a.infos.map(({ turn }) => turn ?? "whole")) ===
  JSON.stringify(b.infos.map(({ turn }) => turn ?? "whole"));
