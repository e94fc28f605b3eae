/**
 * A call that stands for a whole part of a model → a block of its own in the file, for this call.
 *
 * ```
 * transformer(x, encoder_layers, attention(heads: heads), …) as encoder     encoder(x, encoder_layers, heads)
 * ```
 */
import type { BlockDeclaration, Expression, Parameter } from "../../parser/model.js";
import { take } from "../build/paths.js";
import type { Engine, Frame } from "./engine.js";
import { createBody, markCall, placeIn, variable } from "./engine.js";
import { know } from "./evaluate.js";
import type { ArgumentText, FunctionKnown, Given, Known } from "./known.js";
import {
  baseName,
  callText,
  constant,
  isVariable,
  namedText,
  nameOf,
  nameText,
  nowhere,
  open,
  sameText,
  textOf,
} from "./known.js";
import { settleNames } from "./names.js";
import { mapExpression } from "./rewrite.js";
import { runStatements } from "./statements.js";

interface Lifted {
  readonly parameter: Parameter;
  readonly argument: Expression;
  readonly variable: string | undefined;
}

export function outline(
  engine: Engine,
  frame: Frame,
  f: FunctionKnown,
  given: ReadonlyMap<string, Given>,
  blocks: BlockDeclaration[],
): Known {
  const source = f.declaration as BlockDeclaration;
  const component = take(frame.path, f.as ?? source.name.text);
  const body = createBody(engine, f.scope, {
    library: true,
    parameters: new Set([...frame.parameters, ...source.parameters.map(({ name }) => name.text)]),
  });
  const lifted = new Map<string, Lifted>();
  const own = new Set(source.parameters.map(({ name }) => name.text));
  const lift = (base: string, argument: Expression, tensor: boolean): string => {
    const known = [...lifted].find(([, l]) => sameText(l.argument, argument));
    if (known) return known[0];
    const name = [base, ...[2, 3, 4, 5, 6, 7, 8, 9].map((n) => `${base}_${n}`)].find(
      (n) => !own.has(n) && !lifted.has(n),
    )!;
    lifted.set(name, {
      parameter: parameter(name, tensor ? "any" : undefined),
      argument,
      variable: undefined,
    });
    return name;
  };
  const knowns = source.parameters.map(({ name, axes, defaultValue }) => {
    const known = given.get(name.text)?.known ?? know(placeIn(engine, body), defaultValue!);
    body.names.set(name.text, known);
    return { name: name.text, axes, known };
  });
  // What functions hold is said with the block's other parameters where it can be.
  for (const { name, axes, known } of knowns) body.names.set(name, entering(name, axes, known));
  for (const { name, known } of knowns)
    if (known.kind === "function" || known.kind === "list") body.names.set(name, inside(known, name));
  runStatements(engine, body, source.body);
  const variables = [...lifted.values()].flatMap((l) => (l.variable === undefined ? [] : [l.variable]));
  const statements = settleNames(body.out, variables);
  const used = new Set(statements.flatMap((s) => JSON.stringify(s).match(/"text":"[^"]*"/g) ?? []));
  const order = [...lifted.values()].filter(({ parameter: p }) =>
    used.has(`"text":${JSON.stringify(p.name.text)}`),
  );
  const parameters = [...order.filter((l) => l.parameter.axes), ...order.filter((l) => !l.parameter.axes)];
  const name = component;
  blocks.push({
    kind: "block",
    name: nameOf(name),
    parameters: parameters.map((l) => l.parameter),
    body: statements,
    doc: "",
    span: nowhere,
  });
  const args = parameters.map(
    ({ parameter: p, argument }): ArgumentText =>
      namedText(p.axes === undefined ? p.name.text : undefined, argument),
  );
  return open(markCall(engine, callText(nameText(name), args, undefined), { component, doubtful: [] }), true);

  /** A parameter of the block as its body knows it. */
  function entering(name: string, axes: Parameter["axes"], known: Known): Known {
    if (known.kind === "open" && known.tensor) {
      const target = variable(body, name);
      lifted.set(name, { parameter: parameter(name, axes), argument: known.text, variable: target });
      return open(nameText(target), true);
    }
    if (known.kind === "function" || known.kind === "list") return known;
    const isNumber =
      known.kind === "constant" && known.value.kind === "number" && known.text.kind !== "number";
    if (!isNumber) return inside(known, name);
    lifted.set(name, { parameter: parameter(name, undefined), argument: textOf(known), variable: undefined });
    return constant(known.value, nameText(name));
  }

  /** What a function holds, said with the block's parameters. */
  function inside(known: Known, base: string): Known {
    switch (known.kind) {
      case "open":
        return open(nameText(lift(baseName(base), known.text, known.tensor)), known.tensor);
      case "constant":
        return constant(known.value, withParameters(known.text));
      case "list":
        return { kind: "list", items: known.items.map((item) => inside(item, base)) };
      case "function": {
        const held = [...known.held].map(([key, g]): [string, Given] => [
          key,
          { ...g, known: inside(g.known, key) },
        ]);
        return { ...known, held: new Map(held) };
      }
      case "instance":
        return known;
      default:
        throw new Error(`internal: ${(known satisfies never as Known).kind} enters no block`);
    }
  }

  function withParameters(text: Expression): Expression {
    return mapExpression(text, (e) =>
      e.kind === "name" && (isVariable(e.text) || frame.parameters.has(e.text))
        ? nameText(lift(baseName(e.text), e, false))
        : e,
    );
  }
}

const parameter = (name: string, axes: Parameter["axes"]): Parameter => ({
  name: nameOf(name),
  axes,
  defaultValue: undefined,
  span: nowhere,
});
