/**
 * Graph → the same graph `P` positions further on: indices along a length start at P, and tables and parameters are read from there.
 *
 * ```
 * iota [t=T] offset=0                        iota [t=T] offset=P
 * slice(table [64, 8]) start=0 size=T        slice(table [64, 8]) start=P size=T
 * ```
 */
import type { Builder } from "../ir/builder.js";
import type { Graph, Node } from "../ir/graph.js";
import { rewrite } from "../ir/rewrite.js";
import { addSizes, sizeEquals, symbol } from "../ir/shape.js";

const POSITION = symbol("P");

export function shifted(graph: Graph, length: string, b: Builder): Graph {
  const along = symbol(length);
  const change = (node: Node, inputs: readonly Node[]): Node | undefined => {
    if (node.op === "iota" && sizeEquals(node.shape[node.attributes.axis]!.size, along))
      return b.make("iota", [], { ...node.attributes, offset: addSizes(node.attributes.offset, POSITION) });
    if (
      node.op === "slice" &&
      isFixed(inputs[0]!, node.attributes.axis) &&
      sizeEquals(node.attributes.size, along)
    )
      return b.make("slice", inputs, {
        ...node.attributes,
        start: addSizes(node.attributes.start, POSITION),
      });
    return undefined;
  };
  return rewrite(graph, b, change, { bodies: true });
}

/** Whether what is cut to a length is a row for every position that there may be: of a table or a parameter. */
const isFixed = (node: Node, axis: number): boolean => typeof node.shape[axis]!.size === "number";
