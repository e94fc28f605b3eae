/**
 * Graph → what is wrong with it. Nothing, after every pass.
 *
 * `verify({ name: "g", outputs: [{ name: "y", node: { ...add, shape: [] } }] })` → `["%2 = add: its type is not f32 [t=T]"]`
 */
import { keyOf, ownType } from "./builder.js";
import type { Graph, Node, NodeOf } from "./graph.js";
import { rowOf } from "./ops/index.js";
import { typeText } from "./ops/row.js";
import { topological } from "./rewrite.js";
import type { InputKind, OpName } from "./vocabulary.js";

/** Where a graph stands: what may be an input of it. */
type Place = "entry" | "repeat" | "fused" | "mix" | "pairwise" | "table";

const ALLOWED: { readonly [P in Place]: readonly InputKind[] } = {
  entry: ["input", "parameter", "prepared", "state", "cache", "scalar"],
  repeat: ["carry", "slice", "fixed", "turn", "scalar"],
  fused: ["fixed", "turn", "scalar"],
  mix: ["fixed"],
  pairwise: ["fixed"],
  table: ["fixed"],
};
/** The names of a formula's arguments. */
const ARGUMENT: { readonly [P in Place]?: RegExp } = {
  mix: /^(?:[alshij]|field\d+)$/,
  pairwise: /^(?:[hij]|s\d+|field\d+)$/,
  table: /^i\d+$/,
};

export const verify = (graph: Graph): string[] => verifyGraph(graph, "entry", graph.name);

function verifyGraph(graph: Graph, place: Place, where: string): string[] {
  const faults: string[] = [];
  const inputs = new Map<string, Node>();
  const keys = new Map<string, Node>();
  const isFormula = ARGUMENT[place] !== undefined;
  topological(graph).forEach((node, n) => {
    const say = (what: string): void => void faults.push(`${where}: %${n} = ${node.op}: ${what}`);
    if (!rowOf(node.op)) return say("no such op");
    typeFaults(node).forEach(say);
    if (keys.has(node.key)) say("is another node again");
    keys.set(node.key, node);
    if (node.op === "input") inputFaults(node, place, inputs).forEach(say);
    else if (isFormula && !isScalarOp(node)) say("does not belong in a formula");
    if (isFormula && node.shape.length > 0) say("a formula is scalar");
    faults.push(...bodyFaults(node, `${where} %${n}`));
  });
  const names = graph.outputs.map(({ name }) => name);
  if (place === "entry" && new Set(names).size < names.length)
    faults.push(`${where}: two outputs of one name`);
  return faults;
}

function typeFaults(node: Node): string[] {
  try {
    const results = rowOf(node.op).type(node.inputs, node.attributes);
    const own = ownType(node.op, results);
    const wrong =
      results.map(typeText).join() !== node.results.map(typeText).join() || typeText(own) !== typeText(node);
    const faults = wrong ? [`its type is not ${results.map(typeText).join(", ")}`] : [];
    const key = keyOf(node.op as OpName, node.inputs, node.attributes);
    return key === node.key ? faults : [...faults, "its key is not that of its content"];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function inputFaults(node: NodeOf<"input">, place: Place, inputs: Map<string, Node>): string[] {
  const { kind, name } = node.attributes;
  const faults: string[] = [];
  if (!ALLOWED[place].includes(kind)) faults.push(`${kind} ${name} is not bound here`);
  if (ARGUMENT[place]?.test(name) === false) faults.push(`${name} is no argument`);
  const address =
    kind === "carry" || kind === "slice" || kind === "fixed" || kind === "turn" ? `${kind} ${name}` : name;
  if (inputs.has(address)) faults.push(`${name} has two types`);
  inputs.set(address, node);
  return faults;
}

const isScalarOp = (node: Node): boolean =>
  node.op === "const" || node.op === "length" || rowOf(node.op).kind === "map";

function bodyFaults(node: Node, where: string): string[] {
  if (node.op === "repeat" || node.op === "fused") return verifyGraph(node.attributes.body, node.op, where);
  if (node.op === "table") return verifyGraph(node.attributes.formula, "table", where);
  if (node.op !== "mix" && node.op !== "pairwise") return [];
  const { mask } = node.attributes;
  const others =
    node.op === "mix" ? [node.attributes.score, node.attributes.post] : [node.attributes.formula];
  return [...others, mask]
    .flatMap((formula) => formula ?? [])
    .flatMap((formula) => verifyGraph(formula, node.op, where));
}
