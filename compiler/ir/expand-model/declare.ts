/**
 * What a body declares: parameters, tables, inputs. They have names and sizes of their own, so they stand in no other's place.
 *
 * ```
 * param b[out] ~ zeros if bias     param b[out] ~ zeros, or nothing and b is 0
 * ```
 */
import type { Expression, InputStatement, ParamStatement, TableStatement } from "../../parser/model.js";
import { absent } from "../build/arithmetic.js";
import type { Place } from "./engine.js";
import { placeIn } from "./engine.js";
import { know } from "./evaluate.js";
import { constant, nameText, numberText, open, textOf, Whole } from "./known.js";

export function runParam({ engine, frame }: Place, s: ParamStatement): undefined {
  const p = placeIn(engine, frame);
  const condition = s.condition && know(p, s.condition);
  if (frame.returns === "value") throw new Whole("parameters have a path");
  const value =
    condition?.kind === "constant" && condition.value.kind === "boolean" ? condition.value.value : undefined;
  for (const { name } of s.entries)
    frame.names.set(
      name.text,
      value === false
        ? constant(absent(name.text, name.span), numberText(0))
        : open(nameText(name.text), true),
    );
  if (value === false) return undefined;
  frame.out.push({
    ...s,
    entries: s.entries.map((e) => ({ ...e, sizes: e.sizes.map((x) => textOf(know(p, x))) })),
    init: s.init && textOf(know(p, s.init)),
    condition: value === true ? undefined : condition && textOf(condition),
  });
  return undefined;
}

export function runTable({ engine, frame }: Place, s: TableStatement): undefined {
  if (frame.returns === "value") throw new Whole("sizes have names");
  const p = placeIn(engine, frame);
  const inner = placeIn(
    engine,
    frame,
    s.indices.map(({ text }) => text),
  );
  frame.out.push({
    ...s,
    sizes: s.sizes.map((x) => textOf(know(p, x))),
    value: textOf(know(inner, s.value)),
  });
  frame.names.set(s.name.text, open(nameText(s.name.text), true));
  return undefined;
}

export function runInput({ engine, frame }: Place, s: InputStatement): undefined {
  const p = placeIn(engine, frame);
  const axis = (x: Expression): Expression => {
    const limited = x.kind === "binary" && x.operator === "<=" ? x : undefined;
    const length = limited ? limited.left : x;
    if (length.kind === "name" && (limited || !frame.names.has(length.text)))
      frame.names.set(length.text, open(length, false));
    return limited ? { ...limited, right: textOf(know(p, limited.right)) } : textOf(know(p, x));
  };
  frame.out.push({ ...s, axes: s.axes.map(axis), bound: s.bound && textOf(know(p, s.bound)) });
  frame.names.set(s.name.text, open(nameText(s.name.text), true));
  return undefined;
}
