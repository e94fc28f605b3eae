/**
 * Pointwise work on values: dtypes brought together, axes aligned, one op made.
 *
 * ```
 * lift([x[i, c], 2])      mul(%x, const 2)                  labels [@batch, i, c]
 * lift([a[i], b[j]])      broadcast both to [i, j], then the op
 * ```
 */
import type { Span } from "../../parser/model.js";
import type { DType, Node, Shape } from "../graph.js";
import { sameSizes } from "../shape.js";
import { affineNode, align, batchAxis, coerce, orderLabels } from "./labels.js";
import { shapeWords } from "./lengths.js";
import type { Env } from "./session.js";
import { fail } from "./session.js";
import type { IndexedValue, TensorValue, Value } from "./values.js";
import { BATCH, describe, innerShape, tensor } from "./values.js";

/** What an operand must be: one dtype, or whatever the others are. */
export type Want = DType | "same";

type Operand =
  | { readonly kind: "number"; readonly value: number | boolean }
  | {
      readonly kind: "node";
      readonly node: Node;
      readonly labels: readonly string[] | undefined;
      readonly source: Value;
    };

function operand(env: Env, value: Value, span: Span): Operand {
  const b = env.session.builder;
  switch (value.kind) {
    case "number":
    case "boolean":
      return { kind: "number", value: value.value };
    case "size":
      return { kind: "node", node: b.length(value.size, "i32"), labels: [], source: value };
    case "turn":
      return { kind: "node", node: value.node, labels: [], source: value };
    case "indexed":
      return { kind: "node", node: value.node, labels: value.labels, source: value };
    case "index": {
      const x = affineNode(env, value.affine, span);
      return { kind: "node", node: x.node, labels: x.labels, source: x };
    }
    case "tensor":
      return { kind: "node", node: value.node, labels: undefined, source: value };
    case "full":
      return { kind: "number", value: true };
    default:
      return fail(
        env,
        "TFM2006",
        span,
        `A number or a tensor is wanted here, and this is ${describe(value)}.`,
      );
  }
}

function commonDType(operands: readonly Operand[]): DType {
  const kinds = operands.map((x) =>
    x.kind === "node"
      ? x.node.dtype
      : typeof x.value === "boolean"
        ? "bool"
        : Number.isInteger(x.value)
          ? undefined
          : "f32",
  );
  if (kinds.includes("f32")) return "f32";
  if (kinds.includes("i32")) return "i32";
  return kinds.includes("bool") ? "bool" : "f32";
}

function checkDType(env: Env, have: DType, want: DType, span: Span): void {
  if (have === "bool" && want !== "bool")
    fail(env, "TFM2006", span, "A number is wanted here, and this is a truth value.", {
      hint: "Write `if … then 1 else 0`.",
    });
  if (have !== "bool" && want === "bool")
    fail(env, "TFM2006", span, "A truth value is wanted here, and this is a number.", {
      hint: "Compare it with something.",
    });
}

function toNode(env: Env, x: Operand, dtype: DType, span: Span): Node {
  const b = env.session.builder;
  if (x.kind === "node") {
    checkDType(env, x.node.dtype, dtype, span);
    return coerce(env, x.node, dtype);
  }
  checkDType(env, typeof x.value === "boolean" ? "bool" : "f32", dtype, span);
  return b.const(Number(x.value), dtype);
}

/** A value among index expressions as a labelled node; tensors only where they are scalars. */
export function toIndexed(env: Env, value: Value, span: Span, dtype?: DType): IndexedValue {
  const x = operand(env, value, span);
  const node = dtype || x.kind === "number" ? toNode(env, x, dtype ?? commonDType([x]), span) : x.node;
  return { kind: "indexed", node, labels: x.kind === "number" ? [] : labelsOf(env, x, span) };
}

function labelsOf(env: Env, x: Extract<Operand, { kind: "node" }>, span: Span): readonly string[] {
  if (x.labels) return x.labels;
  const value = x.source as TensorValue;
  if (innerShape(value).length > 0)
    fail(
      env,
      "TFM3003",
      span,
      `A tensor ${shapeWords(env, value)} stands among index expressions without its indices.`,
      {
        hint: `Subscript it, with ${innerShape(value).length === 1 ? "one index" : `${innerShape(value).length} indices`}.`,
      },
    );
  return value.batched ? [BATCH] : [];
}

export interface Operands {
  readonly values: readonly Value[];
  /** One place per value. */
  readonly spans: readonly Span[];
  readonly wants: readonly Want[];
}

/** Makes the operands one shape and one dtype where they want the same, and applies `f`. */
export function lift(
  env: Env,
  { values, spans, wants }: Operands,
  f: (nodes: readonly Node[]) => Node,
): Value {
  const operands = values.map((value, n) => operand(env, value, spans[n]!));
  const same = commonDType(operands.filter((_, n) => wants[n] === "same"));
  const nodes = operands.map((x, n) =>
    toNode(env, x, wants[n] === "same" ? same : (wants[n] as DType), spans[n]!),
  );
  if (env.index || operands.some((x) => x.kind === "node" && x.source.kind === "indexed")) {
    const indexed = operands.map(
      (x, n): IndexedValue => ({
        kind: "indexed",
        node: nodes[n]!,
        labels: x.kind === "number" ? [] : labelsOf(env, x, spans[n]!),
      }),
    );
    const labels = orderLabels(
      env,
      indexed.flatMap((x) => x.labels),
    );
    const aligned = indexed.map((x) => (x.labels.length === 0 ? x.node : align(env, x, labels)));
    return { kind: "indexed", node: f(aligned), labels };
  }
  if (
    operands.every((x) => x.kind === "number" || x.source.kind === "turn") &&
    operands.some((x) => x.kind === "node")
  )
    return { kind: "turn", node: f(nodes) };
  return liftTensors(env, operands, nodes, spans, f);
}

function liftTensors(
  env: Env,
  operands: readonly Operand[],
  nodes: readonly Node[],
  spans: readonly Span[],
  f: (nodes: readonly Node[]) => Node,
): TensorValue {
  const tensors = operands.map((x) =>
    x.kind === "node" && x.source.kind === "tensor" ? x.source : undefined,
  );
  const widest = tensors.reduce(
    (a, t) => (t && (!a || innerShape(t).length > innerShape(a).length) ? t : a),
    undefined,
  );
  const batched = tensors.some((t) => t?.batched);
  const inner: Shape = widest ? innerShape(widest) : [];
  const shape: Shape = batched ? [batchAxis, ...inner] : inner;
  const spread = nodes.map((node, n) => {
    const t = tensors[n];
    if (!t || node.shape.length === 0) return node;
    if (innerShape(t).length > 0 && !sameSizes(innerShape(t), inner))
      mismatch(env, tensors, spans, t, widest!);
    const own = innerShape(t).length > 0 ? inner.map((_, k) => k + (t.batched ? 1 : 0)) : inner.map(() => -1);
    return env.session.builder.broadcastTo(node, shape, batched ? [t.batched ? 0 : -1, ...own] : own);
  });
  return tensor(f(spread), batched, widest?.axes);
}

function mismatch(
  env: Env,
  tensors: readonly (TensorValue | undefined)[],
  spans: readonly Span[],
  a: TensorValue,
  b: TensorValue,
): never {
  const at = tensors.indexOf(a);
  const other = tensors.indexOf(b);
  return fail(
    env,
    "TFM3002",
    spans[at]!,
    `The shapes ${shapeWords(env, a)} and ${shapeWords(env, b)} do not match.`,
    {
      related: [
        { message: `this side is ${shapeWords(env, b)}`, span: spans[other]! },
        ...[a, b].flatMap((t) =>
          t.axes.flatMap(({ origin }) =>
            origin ? [{ message: `\`${origin.text}\` comes from here`, span: origin.span }] : [],
          ),
        ),
      ],
      hint: "Unsubscripted arithmetic wants equal shapes or a scalar; the index form `y[i, c] = x[i, c] + b[c]` spreads axes.",
    },
  );
}
