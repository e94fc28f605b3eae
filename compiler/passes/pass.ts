/**
 * Pass: Graph → equal Graph.
 */
import type { Builder } from "../ir/builder.js";
import type { Graph, Node } from "../ir/graph.js";

export type Level = 0 | 1 | 2;

/**
 * What a pass has found in the graphs of one compilation: its entries share most of their nodes, and equal nodes of one builder are one.
 */
export interface PassMemory {
  /** Rules' results by the key of the node, where nothing but the node was asked for. */
  readonly rewrites: Map<string, Node | undefined>;
  /** Bodies of regions, by their content. */
  readonly bodies: Map<string, Graph>;
}

export const createMemory = (): PassMemory => ({ rewrites: new Map(), bodies: new Map() });

export interface PassContext {
  readonly builder: Builder;
  readonly level: Level;
  /** The lengths at which the graph usually runs; passes that weigh memory against work leave it alone where nobody says. */
  readonly lengths?: Readonly<Record<string, number>> | undefined;
  /** Bytes of one tensor that a step may hold, where it is not what devices bind by default. */
  readonly budget?: number | undefined;
  /** Told of every place that the pass looked at and left, and why; nobody asks where there is none. */
  readonly explain?: ((node: Node, why: string) => void) | undefined;
  readonly memory?: PassMemory | undefined;
}

/** `make`'s result for a body, made once for equal ones; each time where somebody listens to what is left alone. */
export function remembered({ memory, explain }: PassContext, key: string, make: () => Graph): Graph {
  if (!memory || explain) return make();
  const known = memory.bodies.get(key) ?? make();
  memory.bodies.set(key, known);
  return known;
}

export interface Pass {
  readonly name: string;
  /** What it does, as a formula. */
  readonly says: string;
  /** The lowest level at which it runs: 1 where it asks for no lengths and adds no arithmetic, but for memory that grows with the square of a length. */
  readonly from: Level;
  run(graph: Graph, context: PassContext): Graph;
}
