/**
 * Where a tensor can be other than 0: differences of indices that are bounded wherever it is.
 *
 * ```
 * le(j, i)                         true:     j − i ≤ 0
 * and(le(j, i), lt(i − j, 4))      true:     j − i ≤ 0, i − j ≤ 3
 * softmax(x, m)                    nonzero:  what m says where it is true
 * select(m, x, 0)                  nonzero:  what m says where it is true, and what x says
 * ```
 *
 * This is how the compiler knows that a position does not look at later ones, and how far it looks back.
 */
import type { Node } from "../../ir/graph.js";
import { rowOf } from "../../ir/ops/index.js";
import type { BoundsOf, Form } from "./bounds.js";
import { plus } from "./bounds.js";
import { keptByReshape } from "./modes.js";

/** `a,b` → the least c such that index a − index b ≤ c; "never": there is no such element. */
export type Facts = ReadonlyMap<string, number> | "never";
/** Of what is `aim` of an element. "lowest" and "highest": whether it is other than the number that a maximum, a minimum leaves out. */
export type Aim = "true" | "false" | "nonzero" | "lowest" | "highest";
export type FactsOf = (node: Node, aim: Aim) => Facts;

const nothing: Facts = new Map();
const pair = (a: number, b: number): string => `${a},${b}`;

export const difference = (facts: Facts, a: number, b: number): number | undefined =>
  facts === "never" ? Number.NEGATIVE_INFINITY : facts.get(pair(a, b));

/** What holds where both hold. */
export function all(x: Facts, y: Facts): Facts {
  if (x === "never" || y === "never") return "never";
  const joined = new Map(x);
  for (const [key, c] of y) joined.set(key, Math.min(c, joined.get(key) ?? c));
  return joined;
}

/** What holds where either holds. */
function any(x: Facts, y: Facts): Facts {
  if (x === "never") return y;
  if (y === "never") return x;
  return new Map(
    [...x].flatMap(([key, c]) => (y.has(key) ? [[key, Math.max(c, y.get(key)!)] as const] : [])),
  );
}

/** The same of other axes: `to` says where each axis went and how its index grew; facts of axes that went nowhere follow first into others. */
export function moved(
  facts: Facts,
  to: (axis: number) => { readonly axis: number; readonly by: number } | undefined,
): Facts {
  if (facts === "never" || facts.size === 0) return facts;
  const result = new Map<string, number>();
  for (const [key, c] of closure(facts)) {
    const [a, b] = key.split(",").map((axis) => to(Number(axis)));
    if (a && b) result.set(pair(a.axis, b.axis), c + a.by - b.by);
  }
  return result;
}

/** With what follows: a − b ≤ c and b − d ≤ e give a − d ≤ c + e. */
export function closure(facts: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const closed = new Map(facts);
  const axes = [...new Set([...facts.keys()].flatMap((key) => key.split(",").map(Number)))];
  for (const through of axes)
    for (const a of axes)
      for (const b of axes) {
        const [first, second] = [closed.get(pair(a, through)), closed.get(pair(through, b))];
        if (a === b || first === undefined || second === undefined) continue;
        closed.set(pair(a, b), Math.min(first + second, closed.get(pair(a, b)) ?? Number.POSITIVE_INFINITY));
      }
  return closed;
}

const plainly = (axis: number) => (axis < 0 ? undefined : { axis, by: 0 });

export interface FactsSource {
  readonly bounds: BoundsOf;
  /** The axes that are times; between others nothing is asked. */
  times(node: Node): readonly number[];
  /** What the inputs of a region's body stand for. */
  ofInput(node: Node, aim: Aim): Facts | undefined;
}

export function createFacts(source: FactsSource): FactsOf {
  const known = new Map<Aim, Map<Node, Facts>>();
  const of: FactsOf = (node, aim) => {
    const memory = known.get(aim) ?? new Map<Node, Facts>();
    known.set(aim, memory);
    const found = memory.get(node);
    if (found) return found;
    const made = factsOf(node, aim, of, source);
    memory.set(node, made);
    return made;
  };
  return of;
}

function factsOf(node: Node, aim: Aim, of: FactsOf, source: FactsSource): Facts {
  const value = splat(node);
  if (value !== undefined) return holds(value, aim) ? nothing : "never";
  if (source.times(node).length < 2) return nothing;
  const through = layoutFacts(node, aim, of);
  if (through) return through;
  if (node.op === "select") return selectFacts(node, aim, of);
  if (node.op === "input") return source.ofInput(node, aim) ?? nothing;
  if (node.dtype === "bool") return truthFacts(node, aim !== "false", of, source.bounds);
  return aim === "nonzero" ? nonzeroFacts(node, of) : nothing;
}

/** What a maximum and a minimum leave out is written as a number beyond all others. */
const FAR = 3e38;

function holds(value: number, aim: Aim): boolean {
  if (aim === "lowest") return value > -FAR;
  if (aim === "highest") return value < FAR;
  return aim === "false" ? value === 0 : value !== 0;
}

function splat(node: Node): number | undefined {
  if (node.op === "const") return node.attributes.value;
  const isSame = node.op === "broadcast" || node.op === "reshape" || node.op === "transpose";
  return isSame ? splat(node.inputs[0]!) : undefined;
}

/** Through what only moves elements; what it adds is 0, so it says nothing there but where 0 is the aim. */
function layoutFacts(node: Node, aim: Aim, of: FactsOf): Facts | undefined {
  const x = node.inputs[0];
  if (node.op === "broadcast" || node.op === "transpose") {
    const from = node.op === "broadcast" ? node.attributes.from : node.attributes.order;
    return moved(of(x!, aim), (axis) => plainly(from.indexOf(axis)));
  }
  if (node.op === "reshape") {
    const kept = keptByReshape(x!.shape, node.shape);
    return moved(of(x!, aim), (axis) => plainly(kept.indexOf(axis)));
  }
  if (node.op === "slice" || node.op === "pad") {
    const shift = node.op === "slice" ? node.attributes.start : node.attributes.before;
    if (typeof shift !== "number" || (node.op === "pad" && aim !== "nonzero" && aim !== "true"))
      return nothing;
    const by = node.op === "slice" ? -shift : shift;
    return moved(of(x!, aim), (axis) => ({ axis, by: axis === node.attributes.axis ? by : 0 }));
  }
  return undefined;
}

function selectFacts(node: Node, aim: Aim, of: FactsOf): Facts {
  const [condition, then, otherwise] = node.inputs as readonly [Node, Node, Node];
  return any(all(of(condition, "true"), of(then, aim)), all(of(condition, "false"), of(otherwise, aim)));
}

function truthFacts(node: Node, isTrue: boolean, of: FactsOf, bounds: BoundsOf): Facts {
  const [x, y] = node.inputs as readonly [Node, Node];
  const own = isTrue ? "true" : "false";
  switch (node.op) {
    case "and":
      return (isTrue ? all : any)(of(x, own), of(y, own));
    case "or":
      return (isTrue ? any : all)(of(x, own), of(y, own));
    case "not":
      return of(x, isTrue ? "false" : "true");
    case "to_bool":
      return isTrue ? of(x, "nonzero") : nothing;
    case "le":
      return isTrue ? atMost(x, y, false, bounds) : atMost(y, x, true, bounds);
    case "lt":
      return isTrue ? atMost(x, y, true, bounds) : atMost(y, x, false, bounds);
    case "eq":
    case "ne": {
      if ((node.op === "eq") !== isTrue) return nothing;
      if (x.dtype === "bool") return nothing;
      return all(atMost(x, y, false, bounds), atMost(y, x, false, bounds));
    }
    default:
      return nothing;
  }
}

/** x ≤ y, or x < y where `strictly`, as differences of two indices. */
function atMost(x: Node, y: Node, strictly: boolean, bounds: BoundsOf): Facts {
  const isWhole = x.dtype === "i32";
  let facts: Facts = nothing;
  for (const least of bounds(x).least)
    for (const most of bounds(y).most)
      facts = all(facts, notPositive(plus(least, most, -1), strictly, isWhole));
  return facts;
}

/** p·a − p·b + constant ≤ 0 → a − b ≤ −constant / p. */
function notPositive({ factors, constant }: Form, strictly: boolean, isWhole: boolean): Facts {
  if (factors.size !== 2) return nothing;
  const [[a, p], [b, q]] = [...factors].sort(([, f], [, g]) => g - f) as [[number, number], [number, number]];
  if (p <= 0 || Math.abs(p + q) > 1e-9) return nothing;
  const bound = -(constant + (strictly && isWhole ? 1 : 0)) / p;
  // Indices are whole; what rounding adds to their quotients is far less than 1e-6.
  const most = strictly && !isWhole ? Math.ceil(bound - 1e-6) - 1 : Math.floor(bound + 1e-6);
  return new Map([[pair(a, b), most]]);
}

function nonzeroFacts(node: Node, of: FactsOf): Facts {
  const [x, y] = node.inputs as readonly [Node, Node];
  switch (node.op) {
    case "mul":
      return all(of(x, "nonzero"), of(y, "nonzero"));
    case "div":
    case "straight_through":
      return of(x, "nonzero");
    case "add":
    case "sub":
    case "min":
    case "max":
      return any(of(x, "nonzero"), of(y, "nonzero"));
    case "softmax":
      return node.inputs.length > 1 ? of(y, "true") : nothing;
    case "contract":
      return contractFacts(node.attributes, of(x, "nonzero"), of(y, "nonzero"));
    case "reduce": {
      const { axes } = node.attributes;
      const kept = x.shape.map((_, n) => n).filter((n) => !axes.includes(n));
      return node.attributes.kind === "argmax"
        ? nothing
        : moved(of(x, "nonzero"), (axis) => plainly(kept.indexOf(axis)));
    }
    default:
      return isZeroAtZero(node) ? of(x, "nonzero") : nothing;
  }
}

const ZERO_AT_ZERO: ReadonlySet<Node["op"]> = new Set<Node["op"]>([
  "neg",
  "sqrt",
  "tanh",
  "erf",
  "sin",
  "abs",
  "floor",
  "round",
  "to_f32",
  "to_i32",
  "stop_gradient",
]);
const isZeroAtZero = (node: Node): boolean => rowOf(node.op).kind === "map" && ZERO_AT_ZERO.has(node.op);

/** Where a sum of products is other than 0: some product is, so both factors are. */
function contractFacts(
  {
    a,
    b,
    out,
  }: { readonly a: readonly string[]; readonly b: readonly string[]; readonly out: readonly string[] },
  x: Facts,
  y: Facts,
): Facts {
  return moved(productFacts(a, b, x, y), (label) => plainly(out.indexOf(labelsOf(a, b)[label]!)));
}

/** The labels of a product, each once: its axes. */
export const labelsOf = (a: readonly string[], b: readonly string[]): readonly string[] => [
  ...new Set([...a, ...b]),
];

/** What holds of the indices behind the labels where both factors are other than 0. */
export function productFacts(a: readonly string[], b: readonly string[], x: Facts, y: Facts): Facts {
  const labels = labelsOf(a, b);
  const own = (facts: Facts, names: readonly string[]): Facts =>
    moved(facts, (axis) => plainly(labels.indexOf(names[axis]!)));
  return all(own(x, a), own(y, b));
}
