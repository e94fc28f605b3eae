/**
 * Built-in functions that lay tensors out along one axis.
 *
 * ```
 * concat(cls, x)                concat(broadcast(%cls), %x) axis=1       [t + 1, d]
 * pad(x, 2, 0)                  pad(%x) axis=1 before=2 after=0          [t + 2, d]
 * ```
 * Axes count from 0 without the batch axis, from the last one where the number is negative.
 */
import type { Span } from "../../parser/model.js";
import type { DType, Node, Shape } from "../graph.js";
import type { Size } from "../shape.js";
import { sizeEquals } from "../shape.js";
import type { Builtin, BuiltinCall } from "./builtins.js";
import { batchAxis, coerce } from "./labels.js";
import { shapeWords, sizeWords, wholeNumber } from "./lengths.js";
import type { Env } from "./session.js";
import { fail } from "./session.js";
import type { AxisLabel, TensorValue, Value } from "./values.js";
import { describe, innerShape, tensor } from "./values.js";

/** A whole tensor, outside index expressions. */
export function wholeTensor(env: Env, call: BuiltinCall, value: Value | undefined, span: Span): TensorValue {
  if (env.index)
    fail(env, "TFM2006", call.span, `\`${call.name}\` takes whole tensors, without indices.`, {
      hint: "Call it in a statement of its own and subscript what it gives.",
    });
  if (value?.kind === "tensor") return value;
  return fail(
    env,
    value ? "TFM2006" : "TFM2003",
    span,
    `\`${call.name}\` takes a tensor, and this is ${value ? describe(value) : "none"}.`,
  );
}

/** The number of an axis of x, the batch axis not counted. */
export function axisNumber(env: Env, call: BuiltinCall, x: TensorValue): number {
  const given = call.named.get("axis");
  const axis = given ? wholeNumber(env, given.value, given.span, "The number of an axis") : 0;
  const rank = x.axes.length;
  const at = axis < 0 ? axis + rank : axis;
  if (at >= 0 && at < rank) return at;
  return fail(
    env,
    "TFM3003",
    given?.span ?? call.span,
    `${shapeWords(env, x)} has no axis ${axis}: its axes count from 0 to ${rank - 1}.`,
    { hint: "A negative number counts from the last axis, which is -1." },
  );
}

/** One element type for all: numbers of both kinds become real ones. */
function commonType(env: Env, tensors: readonly TensorValue[], spans: readonly Span[]): DType {
  const types = tensors.map(({ node }) => node.dtype);
  const odd = types.findIndex((type) => (type === "bool") !== (types[0] === "bool"));
  if (odd >= 0)
    fail(env, "TFM2006", spans[odd]!, "Truth values and numbers are not put into one tensor.", {
      hint: "Write `if … then 1 else 0` for a truth value that counts.",
    });
  return types.includes("f32") ? "f32" : types[0]!;
}

/** The tensors one after the other along an axis; what has no batch is the same for every example. */
export const concat: Builtin = (env, call) => {
  if (call.values.length < 2)
    fail(env, "TFM2003", call.span, "`concat` takes at least two tensors.", {
      hint: "Write `concat(x, y)`, and `axis: 1` for another axis than the first.",
    });
  const tensors = call.values.map((value, n) => wholeTensor(env, call, value, call.spans[n]!));
  const axis = axisNumber(env, call, tensors[0]!);
  tensors.forEach((x, n) => {
    checkFit(env, tensors[0]!, x, axis, call.spans[n]!);
  });
  const dtype = commonType(env, tensors, call.spans);
  const batched = tensors.some((x) => x.batched);
  const b = env.session.builder;
  const parts = tensors.map((x) => withBatch(env, coerce(env, x.node, dtype), x, batched));
  return tensor(b.concat(parts, axis + (batched ? 1 : 0)), batched, joinedAxes(tensors, axis));
};

function checkFit(env: Env, first: TensorValue, x: TensorValue, axis: number, span: Span): void {
  const [a, b]: readonly Shape[] = [innerShape(first), innerShape(x)];
  const odd =
    a!.length === b!.length ? a!.findIndex((own, n) => n !== axis && !sizeEquals(own.size, b![n]!.size)) : 0;
  if (odd >= 0)
    fail(
      env,
      "TFM3002",
      span,
      `${shapeWords(env, first)} and ${shapeWords(env, x)} are not joined along axis ${axis}: the other axes have to be equal.`,
      { hint: "`axis: n` joins along another axis; a row alone is a tensor `[1, d]`." },
    );
}

/** The axis that grows is called what a length among its parts is called. */
function joinedAxes(tensors: readonly TensorValue[], axis: number): readonly AxisLabel[] {
  const long = tensors.find((x) => typeof innerShape(x)[axis]!.size !== "number") ?? tensors[0]!;
  return tensors[0]!.axes.map((own, n) => (n === axis ? { name: long.axes[n]!.name } : own));
}

function withBatch(env: Env, node: Node, x: TensorValue, batched: boolean): Node {
  if (!batched || x.batched) return node;
  return env.session.builder.broadcastTo(
    node,
    [batchAxis, ...node.shape],
    [-1, ...node.shape.map((_, n) => n)],
  );
}

/** Zeros before and after what stands along an axis. */
export const pad: Builtin = (env, call) => {
  const x = wholeTensor(env, call, call.values[0], call.spans[0] ?? call.span);
  const before = zeros(env, call, 1, "before");
  const after = zeros(env, call, 2, "after");
  if (call.values.length > 3)
    fail(
      env,
      "TFM2002",
      call.spans[3]!,
      "`pad` takes a tensor and how many zeros stand before and after it.",
      {
        hint: "The axis is named: `pad(x, 1, 1, axis: 1)`.",
      },
    );
  const axis = axisNumber(env, call, x);
  const node = env.session.builder.pad(x.node, axis + (x.batched ? 1 : 0), before, after);
  return tensor(
    node,
    x.batched,
    x.axes.map((own, n) => (n === axis ? { name: own.name } : own)),
  );
};

function zeros(env: Env, call: BuiltinCall, position: number, name: string): Size {
  const named = call.named.get(name);
  const value = named?.value ?? call.values[position];
  const span = named?.span ?? call.spans[position] ?? call.span;
  if (value === undefined) return 0;
  if (value.kind === "size") return value.size;
  const count = wholeNumber(env, value, span, "A number of zeros");
  if (count < 0)
    fail(env, "TFM3005", span, `A number of zeros is not negative, and this is ${sizeWords(env, count)}.`);
  return count;
}
