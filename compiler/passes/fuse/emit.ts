/** Groups → `fused` regions: each group's members become a body whose inputs are the stored values it reads. */
import type { Builder } from "../../ir/builder.js";
import type { Graph, Node } from "../../ir/graph.js";
import type { Group } from "./group.js";
import type { Groups } from "./groups.js";
import { isFree, isLayout } from "./kinds.js";

export function emitGroups(graph: Graph, groups: Groups, b: Builder): Graph {
  const values = new Map<Node, Node>();
  const kernels = new Map<Group, Node>();

  /** The node of the new graph that holds what `node` held. */
  function value(node: Node): Node {
    const known = values.get(node);
    if (known) return known;
    const made = emit(node);
    values.set(node, made);
    return made;
  }

  function emit(node: Node): Node {
    const group = groups.storedBy(node);
    if (group) return b.get(kernel(group), group.outputs.indexOf(node));
    if (node.op === "input" || node.op === "table") return node;
    return b.remake(node, node.inputs.map(value));
  }

  function kernel(group: Group): Node {
    const known = kernels.get(group);
    if (known) return known;
    const reads: Node[] = [];
    const inner = new Map<Node, Node>();
    const clone = (node: Node): Node => {
      const seen = inner.get(node);
      if (seen) return seen;
      const made = cloned(node);
      inner.set(node, made);
      return made;
    };
    const read = (node: Node): Node => {
      reads.push(node);
      return b.input("fixed", `fixed.${reads.length - 1}`, node.shape, node.dtype);
    };
    const cloned = (node: Node): Node => {
      if (isFree(node)) return node;
      // What is overwritten is an operand of its own, whoever else reads the same value.
      if (node.op === "update" && group.members.has(node)) {
        const [x, rows, at] = node.inputs as readonly [Node, Node, Node];
        return b.remake(node, [read(x), clone(rows), clone(at)]);
      }
      if (group.members.has(node) || (isLayout(node) && !group.sources.has(node)))
        return b.remake(node, node.inputs.map(clone));
      return read(node);
    };
    const outputs = group.outputs.map((node, n) => ({ name: `out.${n}`, node: clone(node) }));
    const made = b.make("fused", reads.map(value), { body: { name: "kernel", outputs } });
    kernels.set(group, made);
    return made;
  }

  return { ...graph, outputs: graph.outputs.map(({ name, node }) => ({ name, node: value(node) })) };
}
