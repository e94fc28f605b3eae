/**
 * Injected faults: each is one rule or one pass replaced by a wrong one, through the same tables and interfaces that the
 * right one uses. The property tests have to notice every one of them.
 */
import type { Builder } from "../../compiler/ir/builder.js";
import type { Graph, Node } from "../../compiler/ir/graph.js";
import { rewrite } from "../../compiler/ir/rewrite.js";
import { factoringRules } from "../../compiler/passes/factor_reductions.js";
import type { Pass } from "../../compiler/passes/pass.js";
import type { Identity } from "../../compiler/passes/pattern.js";
import { readIdentity } from "../../compiler/passes/pattern.js";
import { pipeline } from "../../compiler/passes/pipeline.js";
import type { Rule, RuleContext } from "../../compiler/passes/rule.js";
import { readIdentities } from "../../compiler/passes/rules.js";
import { simplifyingRules } from "../../compiler/passes/simplify.js";

export type Mutant = { readonly name: string } & (
  | { readonly kind: "identity"; readonly identity: Identity }
  | { readonly kind: "rule"; readonly rule: Rule }
  /** The pipeline with one pass that does something else. */
  | { readonly kind: "pass"; readonly passes: readonly Pass[] }
);

/** The identity `right` said wrongly. */
function identity(right: string, wrong: string): Mutant {
  const meant = readIdentities().find(({ text }) => text === right);
  if (!meant) throw new Error(`no identity ${right}`);
  return { kind: "identity", name: wrong, identity: readIdentity(wrong, meant.dtype) };
}

type Damage = (node: Node, b: Builder) => Node | undefined;

const rules: readonly Rule[] = [...simplifyingRules(), ...factoringRules];

/** The rule that says `says` gives a damaged result. */
function damaged(says: string, damage: Damage): Mutant {
  const right = rules.find((rule) => rule.says === says);
  if (!right) throw new Error(`no rule ${says}`);
  const wrong: Rule = {
    ...right,
    apply: (node: Node, context: RuleContext) => {
      const result = right.apply(node, context);
      return result && (damage(result, context.builder) ?? result);
    },
  };
  return { kind: "rule", name: says, rule: wrong };
}

/** Changes the first node of some op among the result and what is directly under it. */
const inResult =
  (op: Node["op"], change: (node: Node, b: Builder) => Node): Damage =>
  (node, b) => {
    const damagedGraph = rewrite({ name: "r", outputs: [{ name: "r", node }] }, b, (one, inputs) =>
      one.key === node.key || node.inputs.some((input) => input.key === one.key)
        ? one.op === op
          ? change(b.remake(one, inputs), b)
          : undefined
        : undefined,
    );
    return damagedGraph.outputs[0]!.node;
  };

/** After the pass, every node of one op is changed. */
const after = (pass: string, what: string, change: (node: Node, b: Builder) => Node | undefined): Mutant => ({
  kind: "pass",
  name: `after ${pass}: ${what}`,
  passes: pipeline.map((one) =>
    one.name !== pass
      ? one
      : {
          ...one,
          run: (graph: Graph, context) => {
            const b = context.builder;
            const visit = (node: Node, inputs: readonly Node[]): Node | undefined =>
              change(b.remake(node, inputs), b);
            return rewrite(one.run(graph, context), b, visit, { bodies: true });
          },
        },
  ),
});

const halved = (node: Node, b: Builder): Node => b.mul(node, b.const(0.5, "f32"));

export const mutants: readonly Mutant[] = [
  identity("sub(0, ?x) => neg(?x)", "sub(0, ?x) => ?x"),
  identity("mul(?x, 0) => 0", "mul(?x, 0) => ?x"),
  identity("sub(?x, ?x) => 0", "sub(?x, ?x) => ?x"),
  identity("neg(sub(?x, ?y)) => sub(?y, ?x)", "neg(sub(?x, ?y)) => sub(?x, ?y)"),
  identity("add(?x, neg(?y)) => sub(?x, ?y)", "add(?x, neg(?y)) => sub(?y, ?x)"),
  identity("mul(mul(?x, #a), #b) => mul(?x, mul(#a, #b))", "mul(mul(?x, #a), #b) => mul(?x, add(#a, #b))"),
  identity("sub(add(?x, #a), #b) => add(?x, sub(#a, #b))", "sub(add(?x, #a), #b) => add(?x, sub(#b, #a))"),
  identity("add(mul(?x, #a), ?x) => mul(?x, add(#a, 1))", "add(mul(?x, #a), ?x) => mul(?x, #a)"),
  identity("select(not(?c), ?x, ?y) => select(?c, ?y, ?x)", "select(not(?c), ?x, ?y) => select(?c, ?x, ?y)"),
  identity("not(lt(?x, ?y)) => le(?y, ?x)", "not(lt(?x, ?y)) => lt(?y, ?x)"),
  identity("and(?x, false) => false", "and(?x, false) => ?x"),
  identity("mod(mod(?x, #a), #a) => mod(?x, #a)", "mod(?x, #a) => ?x"),
  identity("pow(?x, 0.5) => sqrt(?x)", "pow(?x, 0.5) => rsqrt(?x)"),
  identity("div(?x, sqrt(?y)) => mul(?x, rsqrt(?y))", "div(?x, sqrt(?y)) => mul(?x, sqrt(?y))"),
  identity("tanh(neg(?x)) => neg(tanh(?x))", "tanh(neg(?x)) => tanh(?x)"),
  damaged("transpose(transpose(x, p), q) => transpose(x, p∘q)", (node, b) => {
    if (node.op !== "transpose") return undefined;
    const { order } = node.attributes;
    return b.reshape(b.transpose(node.inputs[0]!, [...order].reverse()), node.shape);
  }),
  damaged(
    "reduce(broadcast(x)) => broadcast(reduce(x))·n",
    inResult("mul", (node) => node.inputs[0]!),
  ),
  damaged("sum(contract(x, y)) => contract(sum(x), y)", halved),
  damaged("slice(slice(x)) => slice(x)", (node, b) =>
    node.op === "slice" ? b.slice(node.inputs[0]!, node.attributes.axis, 0, node.attributes.size) : undefined,
  ),
  damaged("slice(concat(…, x, …), within x) => slice(x)", (node, b) =>
    node.op === "slice" ? b.slice(node.inputs[0]!, node.attributes.axis, 0, node.attributes.size) : undefined,
  ),
  damaged("pad(pad(x)) => pad(x)", (node, b) =>
    node.op === "pad"
      ? b.pad(node.inputs[0]!, node.attributes.axis, node.attributes.after, node.attributes.before)
      : undefined,
  ),
  damaged("contract(broadcast(x), y) => broadcast(contract(x, sum(y)))", halved),
  damaged(
    "contract(x, y), nothing summed => mul(broadcast(x), broadcast(y))",
    inResult("mul", (node, b) => b.add(node.inputs[0]!, node.inputs[1]!)),
  ),
  damaged("length(constant size) => constant", (node, b) =>
    node.op === "const" ? b.const(node.attributes.value + 1, node.dtype) : undefined,
  ),
  damaged("iota(axis of size 1) => offset", (node, b) => b.full(0, node.shape, "i32")),
  damaged(
    "iota(x, y, …) => broadcast(iota(x))",
    inResult("iota", (node, b) => (node.op === "iota" ? b.iota(node.shape, 0, 0) : node)),
  ),
  damaged("reduce(x, [i, j]) => reduce(reduce(x, [j]), [i])", halved),
  damaged("contract(x[k], y[k]) => sum(mul(x, y))", halved),
  damaged("transpose(contract(x, y)) => contract(x, y)", halved),
  damaged("softmax(add(x, broadcast(f))) => softmax(x)", (node, b) =>
    node.op === "softmax"
      ? b.softmax(b.neg(node.inputs[0]!), node.attributes.axis, node.inputs[1])
      : undefined,
  ),
  damaged("div(x, broadcast(y)) => mul(x, broadcast(div(1, y)))", (node, b) =>
    node.op === "mul" ? b.div(node.inputs[0]!, node.inputs[1]!) : undefined,
  ),
  after("expand", "an unguarded maximum", (node) => (node.op === "max" ? node.inputs[0] : undefined)),
  after("expand", "a softmax without its mask", (node) =>
    node.op === "select" && node.inputs[1]!.op === "exp" ? node.inputs[1] : undefined,
  ),
  after("eliminate", "one turn too few", (node, b) =>
    node.op === "repeat" &&
    typeof node.attributes.count === "number" &&
    node.attributes.count > 1 &&
    node.attributes.slices === 0 &&
    node.results.length === node.attributes.carries
      ? (b.make("repeat", node.inputs, { ...node.attributes, count: node.attributes.count - 1 }) as Node)
      : undefined,
  ),
  after("eliminate", "turns counted from the next one", (node, b) =>
    node.op === "repeat"
      ? (b.make("repeat", node.inputs, { ...node.attributes, first: node.attributes.first + 1 }) as Node)
      : undefined,
  ),
  after("eliminate", "turns in the other order", (node, b) =>
    node.op === "repeat"
      ? (b.make("repeat", node.inputs, { ...node.attributes, reverse: !node.attributes.reverse }) as Node)
      : undefined,
  ),
  after("simplify", "a gather that is off by one", (node, b) =>
    node.op === "gather"
      ? b.gather(node.inputs[0]!, b.add(node.inputs[1]!, b.const(1, "i32")), node.attributes.axis)
      : undefined,
  ),
  after("simplify", "max for min", (node, b) =>
    node.op === "reduce" && node.attributes.kind === "min"
      ? b.reduce("max", node.inputs[0]!, node.attributes.axes)
      : undefined,
  ),
];
