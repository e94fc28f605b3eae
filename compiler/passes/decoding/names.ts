/**
 * What users call the place of a node: the paths of the parameters near it.
 *
 *   contract(x, slice of layers.*.attention.wk)   →   place `layers.*.attention`, cache `layers.*.attention.k`
 */
import type { Node } from "../../ir/graph.js";
import type { Frame } from "./frame.js";
import { fixedOperand, stackOperand } from "./frame.js";

/** Further away than this is another place. */
const FAR = 400;

/** The leaf that an input is or stands for. */
function leafName(frame: Frame, node: Node, kinds: readonly string[]): string | undefined {
  if (node.op !== "input") return undefined;
  const { kind, name } = node.attributes;
  if (kinds.includes(kind)) return name;
  const { body } = frame;
  if (!body || (kind !== "slice" && kind !== "fixed")) return undefined;
  const outside = kind === "slice" ? stackOperand(body.region, node) : fixedOperand(body.region, node);
  return leafName(body.outer, outside, kinds);
}

/** The first that `found` finds on the way from a node to what it is made of, nearest first. */
function nearest<T>(node: Node, found: (node: Node) => T | undefined): T | undefined {
  const queue = [node];
  const seen = new Set(queue);
  for (let at = 0; at < queue.length && at < FAR; at++) {
    const result = found(queue[at]!);
    if (result !== undefined) return result;
    for (const input of queue[at]!.inputs)
      if (!seen.has(input)) {
        seen.add(input);
        queue.push(input);
      }
  }
  return undefined;
}

/** A parameter that `node` is multiplied or looked up with, else any, else an input's name. */
function nearLeaf(frame: Frame, node: Node): string | undefined {
  const parameter = (x: Node): string | undefined => leafName(frame, x, ["parameter"]);
  const multiplied = nearest(node, (x) => {
    if (x.op !== "contract" && x.op !== "gather") return undefined;
    return x.inputs.map(parameter).find((name) => name !== undefined);
  });
  return multiplied ?? nearest(node, parameter) ?? nearest(node, (x) => leafName(frame, x, ["input"]));
}

/** "`layers.*.attention`", for the beginning of a sentence. */
export function placeName(frame: Frame, node: Node): string {
  const leaf = nearLeaf(frame, node);
  if (leaf === undefined) return "The model";
  return leaf.includes(".") ? `\`${leaf.slice(0, leaf.lastIndexOf("."))}\`` : `What is made of \`${leaf}\``;
}

/** A free name for a cache of `node`: `….k` where it is made with `….wk`, else the place; kept.tokens where it is an input. */
export function cacheName(frame: Frame, node: Node): string {
  const base = baseName(frame, node);
  const { names } = frame.d;
  let name = base;
  for (let n = 2; names.has(name); n++) name = `${base}_${n}`;
  names.add(name);
  return name;
}

function baseName(frame: Frame, node: Node): string {
  const input = leafName(frame, node, ["input"]);
  if (input !== undefined) return `kept.${input}`;
  const leaf = nearLeaf(frame, node) ?? "value";
  const at = leaf.lastIndexOf(".") + 1;
  const last = leaf.slice(at);
  if (/^w[a-z]$/.test(last)) return leaf.slice(0, at) + last.slice(1);
  return at > 0 ? leaf.slice(0, at - 1) : `kept.${leaf}`;
}
