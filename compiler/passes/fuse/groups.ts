/**
 * The kernels that the fuse pass is forming, and who reads what from whom.
 *
 * A group has an index space. A use says where in it a reader stands: at the element itself (`"space"`), at the row that
 * is left when axes are removed (`"over:2"`), or anywhere else (`"loose"`). An `"operand"` is read in an inner loop and has
 * to be stored before the kernel starts.
 */
import type { Node } from "../../ir/graph.js";
import { pairwiseParts } from "../../ir/ops/pairwise-parts.js";
import type { Shape } from "../../ir/shape.js";
import { elementCount, sameSizes, sizeEquals } from "../../ir/shape.js";
import type { Pairwise } from "../../ir/streaming.js";
import { isPairwise } from "../../ir/streaming.js";
import type { Costs } from "./costs.js";
import { coneBelow } from "./costs.js";
import type { Alignment, Group } from "./group.js";
import { accessed, emptyGroup, groupOf, manyRows, sumsAsWell } from "./group.js";
import { isContraction, isFree, isLayout, isMap, isReduction, stripLayout } from "./kinds.js";

interface Use {
  readonly group: Group;
  alignment: Alignment;
}

export type Groups = ReturnType<typeof createGroups>;

export interface GroupOptions {
  readonly maxBindings: number;
  /** Output → the leaf it is written over; where the kernel reads that leaf as well, both are one binding. */
  readonly replaces: ReadonlyMap<Node, Node>;
  readonly costs: Costs;
  /** Whether what a joining node alone reads comes with it: otherwise every node is judged by itself. */
  readonly cones: boolean;
}

export function createGroups({ maxBindings, replaces, costs, cones }: GroupOptions) {
  const placed = new Set<Node>();
  const uses = new Map<Node, Use[]>();
  const stored = new Set<Node>();
  const storedBy = new Map<Node, Group>();
  const all: Group[] = [];

  const usesOf = (node: Node): Use[] => uses.get(node) ?? [];
  /** The groups that read `node` and do not compute it themselves. */
  const consumersOf = (node: Node): readonly Group[] =>
    [...new Set(usesOf(node).map((use) => use.group))].filter((group) => !group.members.has(node));

  function alignment(group: Group, node: Node): Alignment {
    const all = new Set(
      usesOf(node)
        .filter((use) => use.group === group)
        .map((use) => use.alignment),
    );
    return all.size === 1 ? [...all][0]! : all.has("operand") ? "operand" : "loose";
  }

  function use(group: Group, input: Node, at: Alignment): void {
    const source = stripLayout(input);
    if (isFree(source)) return;
    const through = at === "operand" || source === input ? at : accessed(input, source, at);
    if (through === "operand" && !costs.atLoad(source)) stored.add(source);
    uses.set(source, [...usesOf(source), { group, alignment: through }]);
    group.sources.add(source);
  }

  /** What `group` writes in place of has to be in memory as it is, layout and all. */
  function overwrite(group: Group, node: Node): void {
    stored.add(node);
    uses.set(node, [...usesOf(node), { group, alignment: "operand" }]);
    group.sources.add(node);
  }

  /** `node` becomes part of `group`, standing at `at`; its inputs become uses. */
  function join(group: Group, node: Node, at: Alignment): void {
    group.members.add(node);
    group.sources.delete(node);
    if (node.op === "contract") for (const input of node.inputs) use(group, input, "operand");
    else if (isPairwise(node)) {
      const { fields } = pairwiseParts(node);
      for (const input of node.inputs) use(group, input, fields.includes(input) ? "loose" : "operand");
    } else if (node.op === "gather") {
      use(group, node.inputs[0]!, "operand");
      use(group, node.inputs[1]!, "loose");
    } else if (node.op === "scatter_add") {
      use(group, node.inputs[0]!, "operand");
      use(group, node.inputs[1]!, "loose");
    } else if (node.op === "update") {
      overwrite(group, node.inputs[0]!);
      use(group, node.inputs[1]!, "loose");
      use(group, node.inputs[2]!, "loose");
    } else if (isReduction(node)) use(group, node.inputs[0]!, "space");
    else if (isMap(node)) for (const input of node.inputs) use(group, input, at);
    else if (isLayout(node)) use(group, node.inputs[0]!, "loose");
    else for (const input of node.inputs) use(group, input, "loose");
  }

  /** The group's values become one per row of a wider space. */
  function widen(group: Group, full: Shape, axes: string): void {
    const rows: Alignment = `over:${axes}`;
    group.rows = { axes, shape: group.space };
    group.space = full;
    for (const list of uses.values())
      for (const entry of list)
        if (entry.group === group && entry.alignment !== "operand")
          entry.alignment = entry.alignment === "space" ? rows : "loose";
  }

  /** What joins `group` together with `node`: the maps below it that nothing else reads. */
  const coneOf = (group: Group, node: Node): readonly Node[] =>
    cones
      ? coneBelow(node, { users: costs.users, isKept: (x) => costs.isKept(x) || stored.has(x) }, (x) =>
          group.members.has(x),
        )
      : [];

  /** Stored values and such that still may join, as they are once `node` and `cone` have joined. */
  function sourcesWith(group: Group, node: Node, cone: readonly Node[]): ReadonlySet<Node> {
    const joining = new Set([node, ...cone]);
    const sources = new Set([...group.sources].filter((source) => !joining.has(source)));
    for (const member of joining)
      for (const source of member.inputs.map(stripLayout))
        if (!isFree(source) && !group.members.has(source) && !joining.has(source)) sources.add(source);
    return sources;
  }

  function fitsWith(group: Group, node: Node, cone: readonly Node[], storing: boolean): boolean {
    if (group.family === "region") return false;
    const written = storing ? [...group.outputs, node] : group.outputs;
    return bindings(sourcesWith(group, node, cone), written) <= maxBindings;
  }

  /** With all that comes with it; or alone, where what is stored then is one value below `node` in place of `node`. */
  function fits(group: Group, node: Node, storing: boolean): boolean {
    const cone = coneOf(group, node);
    if (fitsWith(group, node, cone, storing)) return true;
    const below = node.inputs.map(stripLayout).filter((x) => cone.includes(x) && !group.sources.has(x));
    return !storing && below.length === 1 && fitsWith(group, node, [], false);
  }

  /** `node` joins, and then what only it reads, as far as the bindings go; `storing`: it becomes an output. */
  function joinAll(group: Group, node: Node, at: Alignment, storing: boolean): void {
    const cone = coneOf(group, node);
    join(group, node, at);
    placed.add(node);
    const grown = storing ? { ...group, outputs: [...group.outputs, node] } : group;
    for (const x of cone) {
      if (!group.sources.has(x) || stored.has(x)) continue;
      if (!fitsWith(grown, x, coneOf(group, x), false)) continue;
      join(group, x, alignment(group, x));
      placed.add(x);
    }
  }

  function reaches(from: Group, to: Group, seen = new Set<Group>()): boolean {
    if (from === to) return true;
    seen.add(from);
    return [...from.readers].some((next) => !seen.has(next) && reaches(next, to, seen));
  }

  /** Stored values that a kernel binds. */
  function bindings(sources: ReadonlySet<Node>, outputs: readonly Node[]): number {
    const own = outputs.filter((output) => {
      if (output.op === "update") return false; // in place of an operand
      const leaf = replaces.get(output);
      return leaf === undefined || !sources.has(leaf);
    });
    return sources.size + own.length;
  }

  /** Whether two row kernels walk the same rows of one value, and neither waits for the other. */
  function areSiblings(x: Group, y: Group): boolean {
    if (x.family !== "rows" || y.family !== "rows" || x.rows!.axes !== y.rows!.axes) return false;
    if (!sameSizes(x.space, y.space)) return false;
    const isWhole = (source: Node): boolean => sizeEquals(elementCount(source.shape), elementCount(x.space));
    const shared = [...x.sources].some((source) => y.sources.has(source) && isWhole(source));
    if (!shared || reaches(x, y) || reaches(y, x)) return false;
    return bindings(new Set([...x.sources, ...y.sources]), [...x.outputs, ...y.outputs]) <= maxBindings;
  }

  function mergeInto(to: Group, from: Group): void {
    for (const node of from.members) to.members.add(node);
    for (const node of from.sources) to.sources.add(node);
    for (const node of from.outputs) storedBy.set(node, to);
    to.outputs.push(...from.outputs);
    for (const group of all) if (group.readers.delete(from)) group.readers.add(to);
    for (const reader of from.readers) to.readers.add(reader);
    all.splice(all.indexOf(from), 1);
  }

  /** The group's values no longer stand where its results do. */
  function loosen(group: Group): void {
    for (const list of uses.values())
      for (const entry of list)
        if (entry.group === group && entry.alignment !== "operand") entry.alignment = "loose";
  }

  return {
    consumersOf,
    alignment,
    reaches,
    isUsed: (node: Node): boolean => stored.has(node) || uses.has(node),
    isStored: (node: Node): boolean => stored.has(node),
    storedBy: (node: Node): Group | undefined => storedBy.get(node),
    needStored: (node: Node): void => void stored.add(node),

    /** Whether `node` in `group`, with what only it reads, keeps it within the bindings of one kernel. */
    fits,
    isPlaced: (node: Node): boolean => placed.has(node) && consumersOf(node).length === 0,
    /** The stored values that a group reads, as far as that can be told, `without` counted as not there. */
    reads: (group: Group, without?: Node): ReadonlySet<Node> =>
      new Set(
        [...group.sources].flatMap((x) => (x === without ? [] : stored.has(x) ? [x] : [...costs.sources(x)])),
      ),
    /** Groups over the elements of `node`: those that a reduction runs along, in the same rows, or a map's own. */
    groupsOver: (node: Node): readonly Group[] =>
      all.filter(({ family, rows, space }) =>
        isReduction(node)
          ? family === "rows" &&
            rows!.axes === node.attributes.axes.join() &&
            sameSizes(space, node.inputs[0]!.shape)
          : family === "pointwise" && sameSizes(space, node.shape),
      ),

    /** Kernels that may sum `node` as they sum what they have. */
    pairGroups: (node: Pairwise): readonly Group[] => all.filter((group) => sumsAsWell(group, node)),

    /** Row kernels that walk the same rows of one value become one, where placing them one by one did not see it yet. */
    mergeSiblings(): void {
      for (const group of [...all]) {
        const other = all.find((earlier) => earlier !== group && areSiblings(earlier, group));
        if (other) mergeInto(other, group);
      }
    },

    /** Whether the reduction can run once per row of `group`. */
    reducesRows(group: Group, node: Extract<Node, { op: "reduce" }>): boolean {
      const axes = node.attributes.axes.join();
      const input = node.inputs[0]!.shape;
      const at = alignment(group, node);
      if (group.family === "rows")
        return group.rows!.axes === axes && at === `over:${axes}` && sameSizes(input, group.space);
      if (group.family !== "pointwise") return false;
      if (at === "space") return true;
      return at === `over:${axes}` && sameSizes(input, group.space) && manyRows(node.shape, input);
    },

    /** `storing`: other kernels read it too. */
    absorb(group: Group, node: Node, storing = false): void {
      const at = alignment(group, node);
      if (isReduction(node) && group.family === "pointwise") {
        const axes = node.attributes.axes.join();
        if (at === "space") widen(group, node.inputs[0]!.shape, axes);
        else group.rows = { axes, shape: node.shape };
        group.family = "rows";
      } else if (isContraction(node)) group.family = "contract";
      joinAll(group, node, at, storing);
    },

    /** Whether kernels that read a contraction, computed together with it, keep within the bindings of one and wait for none of themselves. */
    fitTogether(parts: readonly Group[], node: Node): boolean {
      const waits = (from: Group, to: Group): boolean => from !== to && reaches(from, to);
      if (consumersOf(node).some((reader) => parts.some((part) => waits(reader, part)))) return false;
      const sources = new Set([
        ...parts.flatMap((part) => [...part.sources]),
        ...node.inputs.map(stripLayout),
      ]);
      sources.delete(node);
      const isKept = stored.has(node) || consumersOf(node).some((reader) => !parts.includes(reader));
      const outputs = parts.flatMap((part) => part.outputs);
      return bindings(sources, isKept ? [...outputs, node] : outputs) <= maxBindings;
    },

    /** The contraction and the kernels that read parts of it become one. */
    joinParts(parts: readonly Group[], node: Node, storing: boolean): Group {
      const [host, ...others] = parts as readonly [Group, ...Group[]];
      const isApart = (part: Group): boolean => alignment(part, node) !== "space";
      for (const part of parts) if (isApart(part)) loosen(part);
      for (const other of others) {
        for (const list of uses.values())
          list.forEach((entry, n) => {
            if (entry.group === other) list[n] = { ...entry, group: host };
          });
        mergeInto(host, other);
      }
      host.family = "contract";
      host.space = node.shape;
      joinAll(host, node, "space", storing);
      return host;
    },

    /** `node` joins a kernel that has not read it so far, and is stored by it. */
    adopt: (group: Group, node: Node): void => joinAll(group, node, "space", true),

    create(node: Node): Group {
      const group = groupOf(node);
      all.push(group);
      joinAll(group, node, "space", true);
      return group;
    },

    /** A region stands in the order like a kernel, but nothing joins it. */
    region(node: Node, results: readonly Node[]): void {
      const group = emptyGroup("region", []);
      group.members.add(node);
      all.push(group);
      for (const result of results) for (const reader of consumersOf(result)) group.readers.add(reader);
      for (const input of node.inputs) {
        stored.add(input);
        uses.set(input, [...usesOf(input), { group, alignment: "operand" }]);
      }
    },

    store(group: Group, node: Node): void {
      stored.add(node);
      storedBy.set(node, group);
      group.outputs.push(node);
      for (const reader of consumersOf(node)) if (reader !== group) group.readers.add(reader);
    },
  };
}
