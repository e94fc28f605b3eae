/**
 * A region of the forward graph → the region of a step: carries hold the new rows, caches are stacked operands and stacked results.
 *
 * ```
 * repeat(x, wq, wk, …)          12 turns         →   repeat(x', cache k, wq, wk, …)
 *   k = contract(carry.0, wk)                          k = update(slice.0, contract(carry.0, slice.2), P)
 *   carry.0 = …                                        carry.0 = …;  result.0 = k      cache.k = the stack of result.0
 * ```
 */
import type { Node, NodeOf, Output } from "../../ir/graph.js";
import { topological } from "../../ir/rewrite.js";
import type { Frame } from "./frame.js";
import { bodyFrame, inputIndex, numbered, stackOperand } from "./frame.js";
import { newModes, timeAxes } from "./modes.js";
import type { Emit, WantOf } from "./want.js";

/** Result `index` of a region, for the new positions. The region is made with the first that is asked for. */
export function regionResult(frame: Frame, region: NodeOf<"repeat">, index: number, emit: Emit): Node {
  const results = frame.regions.get(region) ?? makeRegion(frame, region, emit);
  frame.regions.set(region, results);
  const result = results[index];
  if (!result) throw new Error(`internal: result ${index} of a region was not foreseen`);
  return result;
}

function makeRegion(outer: Frame, region: NodeOf<"repeat">, emit: Emit): readonly (Node | undefined)[] {
  const { b, time, wanted } = outer.d;
  const { body, carries, first, count, reverse } = region.attributes;
  const frame = bodyFrame(outer, region);
  const own = frame.body!;
  const isStep = (index: number): boolean => {
    const { grows, source } = frame.dependence(body.outputs[index]!.node);
    return grows || !source;
  };
  const asked = wanted.get(region)!.filter(isStep);
  const stacks = asked.filter((index) => index >= carries);
  for (const index of asked) if (index < carries) numbered(own.carries, index);
  warm(frame, topological({ name: "turn", outputs: asked.map((index) => body.outputs[index]!) }), emit);
  const value = (index: number): Node => {
    const { node } = body.outputs[index]!;
    return emit(frame, node, newModes(node.shape, time));
  };
  const results = stacks.map(value);
  const next: Node[] = [];
  // A carried value may need another one, which is carried then too.
  for (let n = 0; n < own.carries.length; n++) next.push(value(own.carries[n]!));
  const caches = outer.d.caches.filter((kept) => kept.frame === frame && kept.info.kind !== "source");
  const initial = own.carries.map((index) => {
    const node = region.inputs[index]!;
    return emit(outer, node, newModes(node.shape, time));
  });
  const outputs = (nodes: readonly Node[], name: string): readonly Output[] =>
    nodes.map((node, n) => ({ name: `${name}.${n}`, node }));
  const made = b.repeat([...initial, ...own.slices, ...own.fixed], {
    body: {
      name: "turn",
      outputs: [
        ...outputs(next, "carry"),
        ...outputs([...results, ...caches.map((kept) => kept.value)], "result"),
      ],
    },
    first,
    count,
    reverse,
    carries: own.carries.length,
    slices: own.slices.length,
  });
  caches.forEach((kept, n) => outer.d.stacks.set(kept.id, b.get(made, next.length + results.length + n)));
  return body.outputs.map((_, index) => {
    const at = index < carries ? own.carries.indexOf(index) : stacks.indexOf(index);
    return at < 0 ? undefined : b.get(made, index < carries ? at : next.length + at);
  });
}

/** Nodes of one time axis are needed for the new positions in any case; in this order no wish is deep. */
export function warm(frame: Frame, nodes: readonly Node[], emit: Emit): void {
  const { time } = frame.d;
  for (const node of nodes)
    if (frame.dependence(node).grows && node.op !== "repeat" && timeAxes(node.shape, time).length === 1)
      if (!isMoved(node)) emit(frame, node, newModes(node.shape, time));
}

const MOVED: ReadonlySet<Node["op"]> = new Set<Node["op"]>([
  "broadcast",
  "transpose",
  "reshape",
  "slice",
  "pad",
  "concat",
  "input",
]);
const isMoved = ({ op }: Node): boolean => MOVED.has(op);

/** The carried value, which is one of the step's region from now on. */
export function carriedValue(frame: Frame, input: NodeOf<"input">): Node {
  const index = numbered(frame.body!.carries, inputIndex(input));
  return frame.d.b.input("carry", `carry.${index}`, input.shape, input.dtype);
}

/** This turn's slice of what lies outside in the same positions. */
export function stackedValue({ frame, node, modes, emit }: WantOf<"input">): Node {
  const { outer, region, slices } = frame.body!;
  const stack = emit(outer, stackOperand(region, node), [undefined, ...modes]);
  const index = numbered(slices, stack);
  return frame.d.b.input("slice", `slice.${index}`, stack.shape.slice(1), node.dtype);
}
