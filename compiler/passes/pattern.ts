/**
 * Pattern: text of an identity → a matcher over nodes and a maker of its right side.
 *
 * ```
 * "add(mul(?x, #a), mul(?x, #b)) => mul(?x, add(#a, #b))"
 * ```
 * `?x` matches any node (the same node wherever it stands again), `#a` a constant, broadcast or not; numbers, `true` and `false`
 * match constants of that value. Commutative maps match in both orders. A right side is computed on constants where it
 * stands on constants alone.
 */
import type { Builder } from "../ir/builder.js";
import { foldMap } from "../ir/formulas/constants.js";
import type { Node } from "../ir/graph.js";
import type { DType } from "../ir/shape.js";
import type { MapOp } from "../ir/vocabulary.js";
import { isCommutative, mapOf, splat, splatValue } from "./nodes.js";

export type Pattern =
  | { readonly tag: "any"; readonly name: string }
  | { readonly tag: "constant"; readonly name: string }
  | { readonly tag: "number"; readonly value: number }
  | { readonly tag: "map"; readonly op: MapOp; readonly inputs: readonly Pattern[] };

/** One identity, read. */
export interface Identity {
  readonly text: string;
  readonly left: Pattern & { readonly tag: "map" };
  readonly right: Pattern;
  /** Only at this element type of the left side. */
  readonly dtype: DType | undefined;
}

type Bindings = ReadonlyMap<string, Node>;

const token = /\s*(=>|[?#]?[a-z_][a-z0-9_]*|-?[0-9]+(?:\.[0-9]+)?|[(),])/y;

function tokensOf(text: string): readonly string[] {
  const found: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (!match) throw new Error(`internal: unreadable identity: ${text}`);
    found.push(match[1]!);
  }
  return found;
}

/** Reads `left => right`. */
export function readIdentity(text: string, dtype?: DType): Identity {
  const tokens = tokensOf(text);
  let at = 0;
  const expect = (wanted: string): void => {
    if (tokens[at++] !== wanted) throw new Error(`internal: identity lacks '${wanted}': ${text}`);
  };
  const read = (): Pattern => {
    const word = tokens[at++] ?? "";
    if (word.startsWith("?")) return { tag: "any", name: word };
    if (word.startsWith("#")) return { tag: "constant", name: word };
    if (word === "true" || word === "false") return { tag: "number", value: word === "true" ? 1 : 0 };
    if (/^-?[0-9]/.test(word)) return { tag: "number", value: Number(word) };
    expect("(");
    const inputs = [read()];
    while (tokens[at] === ",") {
      at++;
      inputs.push(read());
    }
    expect(")");
    return { tag: "map", op: word as MapOp, inputs };
  };
  const left = read();
  expect("=>");
  const right = read();
  if (left.tag !== "map" || at !== tokens.length) throw new Error(`internal: not an identity: ${text}`);
  return { text, left, right, dtype };
}

function bind(bindings: Bindings, name: string, node: Node): Bindings | undefined {
  const seen = bindings.get(name);
  if (!seen) return new Map(bindings).set(name, node);
  if (seen.key === node.key) return bindings;
  // Equal constants may stand in different shapes.
  const value = splatValue(seen);
  return value !== undefined && value === splatValue(node) ? bindings : undefined;
}

function orders(pattern: Pattern & { readonly tag: "map" }): readonly (readonly Pattern[])[] {
  const [first, second] = pattern.inputs;
  if (!isCommutative(pattern.op) || !first || !second) return [pattern.inputs];
  return [pattern.inputs, [second, first]];
}

/** Whether the ops of `pattern` are there, whatever its names stand for: nearly every node is turned away here. */
function hasShape(pattern: Pattern, node: Node): boolean {
  if (pattern.tag === "any") return true;
  if (pattern.tag === "constant") return splatValue(node) !== undefined;
  if (pattern.tag === "number") return splatValue(node) === pattern.value;
  if (node.op !== pattern.op) return false;
  const { inputs } = pattern;
  if (inputs.every((input, n) => hasShape(input, node.inputs[n]!))) return true;
  return (
    isCommutative(pattern.op) &&
    hasShape(inputs[0]!, node.inputs[1]!) &&
    hasShape(inputs[1]!, node.inputs[0]!)
  );
}

/** Every way in which `node` is an instance of `pattern`, given what is bound. */
function* matches(pattern: Pattern, node: Node, bindings: Bindings): Generator<Bindings> {
  switch (pattern.tag) {
    case "any": {
      const bound = bind(bindings, pattern.name, node);
      if (bound) yield bound;
      return;
    }
    case "constant": {
      const bound = splatValue(node) === undefined ? undefined : bind(bindings, pattern.name, node);
      if (bound) yield bound;
      return;
    }
    case "number":
      if (splatValue(node) === pattern.value) yield bindings;
      return;
    case "map":
      if (node.op !== pattern.op) return;
      for (const inputs of orders(pattern)) yield* matchesAll(inputs, node.inputs, bindings);
      return;
    default:
      pattern satisfies never;
  }
}

function* matchesAll(
  patterns: readonly Pattern[],
  nodes: readonly Node[],
  bindings: Bindings,
): Generator<Bindings> {
  const [pattern, ...rest] = patterns;
  if (!pattern) {
    yield bindings;
    return;
  }
  const node = nodes[0];
  if (!node) return;
  for (const bound of matches(pattern, node, bindings)) yield* matchesAll(rest, nodes.slice(1), bound);
}

/** A right side on its way: constants stay scalar until a tensor needs them. */
type Made = { readonly value: number; readonly dtype: DType } | Node;
const isNode = (made: Made): made is Node => "op" in made;

/** The node that the right side of `identity` makes of `root`, or undefined where the left side does not match. */
export function applyIdentity(identity: Identity, root: Node, b: Builder): Node | undefined {
  if (identity.dtype !== undefined && root.dtype !== identity.dtype) return undefined;
  if (!hasShape(identity.left, root)) return undefined;
  const asNode = (made: Made): Node => (isNode(made) ? made : splat(b, made.value, made.dtype, root.shape));
  for (const bindings of matches(identity.left, root, new Map())) {
    const make = (pattern: Pattern): Made | undefined => {
      switch (pattern.tag) {
        case "any":
          return bindings.get(pattern.name);
        case "constant": {
          const node = bindings.get(pattern.name);
          const value = node && splatValue(node);
          return node && value !== undefined ? { value, dtype: node.dtype } : undefined;
        }
        case "number":
          return { value: pattern.value, dtype: root.dtype };
        case "map": {
          const inputs: Made[] = [];
          for (const input of pattern.inputs) {
            const made = make(input);
            if (made === undefined) return undefined;
            inputs.push(made);
          }
          const constants = inputs.flatMap((made) => (isNode(made) ? [] : [made]));
          if (constants.length === inputs.length) return foldMap(pattern.op, constants);
          return mapOf(b, pattern.op, inputs.map(asNode));
        }
        default:
          return pattern satisfies never;
      }
    };
    const made = make(identity.right);
    if (made !== undefined) return asNode(made);
  }
  return undefined;
}
