/**
 * Pass: Graph → equal Graph.
 */
import type { Builder } from "../ir/builder.js";
import type { Graph, Node } from "../ir/graph.js";

export type Level = 0 | 1 | 2;

export interface PassContext {
  readonly builder: Builder;
  readonly level: Level;
  /** The lengths at which the graph usually runs; passes that weigh memory against work leave it alone where nobody says. */
  readonly lengths?: Readonly<Record<string, number>> | undefined;
  /** Told of every place that the pass looked at and left, and why; nobody asks where there is none. */
  readonly explain?: ((node: Node, why: string) => void) | undefined;
}

export interface Pass {
  readonly name: string;
  /** What it does, as a formula. */
  readonly says: string;
  /** The lowest level at which it runs. */
  readonly from: Level;
  run(graph: Graph, context: PassContext): Graph;
}
