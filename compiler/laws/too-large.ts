/** Whether an interpreter can compute a graph while someone waits. */
import type { Graph } from "../ir/graph.js";
import { topological } from "../ir/rewrite.js";
import { elementCount, evaluateSize } from "../ir/shape.js";
import type { Span } from "../parser/model.js";
import { workOf } from "./evaluate.js";
import type { Outcome } from "./result.js";
import { refusing } from "./result.js";

/** Operations of one evaluation, some seconds of it; and numbers that are held at once. */
const WORK = 3e8;
const ELEMENTS = 2e7;

export function tooLarge(
  graph: Graph,
  lengths: Readonly<Record<string, number>>,
  span: Span,
  what: string,
): Outcome | undefined {
  const elements = topological(graph).reduce(
    (most, node) => Math.max(most, evaluateSize(elementCount(node.shape), { P: 0, ...lengths })),
    0,
  );
  const work = workOf(graph, lengths);
  if (work <= WORK && elements <= ELEMENTS) return undefined;
  return refusing(
    "TFM7005",
    span,
    `${what} takes ${shown(work)} operations and tensors of ${shown(elements)} elements, more than are computed here.`,
    { hint: "Make the model smaller with `--set`: fewer layers, a smaller width or vocabulary." },
  );
}

const shown = (x: number): string => (x < 1e6 ? String(x) : `${(x / 1e6).toPrecision(3)} million`);
