/**
 * Statement of the Model → its JSON text.
 *
 *     x += f(x)  →  { "assign": "x", "operator": "+", "value": "f(x)" }
 */
import { formatExpression, indicesText } from "../format-expression.js";
import type { Layout } from "../layout.js";
import type {
  AssignStatement,
  IfStatement,
  InputStatement,
  MatchStatement,
  ParamStatement,
  RepeatStatement,
  Statement,
  TrainStatement,
} from "../model.js";
import { renamed } from "../rename-text.js";
import { dangerousKeys } from "./dangerous.js";
import { entry, list, member, names, object, tall } from "./text.js";
import { onOneLine, valueText } from "./value-text.js";

export function statementLayout(s: Statement): Layout {
  switch (s.kind) {
    case "param":
      return param(s);
    case "state":
      return object([member("state", entry(s.name, s.sizes)), member("value", valueText(s.value))]);
    case "table":
      return object([
        member("table", entry(s.name, s.sizes)),
        member("indices", names(s.indices)),
        member("value", valueText(s.value)),
      ]);
    case "input":
      return object([
        member("input", entry(s.name, s.axes.length > 0 ? s.axes : undefined)),
        member("type", type(s)),
      ]);
    case "rename":
      return object([
        member("rename", JSON.stringify(renamed(s))),
        member("as", JSON.stringify(s.name.text)),
      ]);
    case "assign":
      return assign(s);
    case "use":
    case "output":
    case "probe":
      return object([member(s.kind, JSON.stringify(s.name.text)), member("value", valueText(s.value))]);
    case "repeat":
      return repeat(s);
    case "if":
      return choice(s);
    case "match":
      return match(s);
    case "loss":
      return object([member("loss", valueText(s.value))]);
    case "train":
      return object([member("train", settingsLayout(s))]);
    case "return":
      return object([
        member(
          "return",
          oneOrMore(s.values, (e) => e.kind !== "list", valueText),
        ),
      ]);
    case "law":
      return object([member("law", JSON.stringify(s.name.text)), member("claim", valueText(s.claim))]);
    default:
      return s satisfies never;
  }
}

/** An object, unless a name stands twice in it. */
export function settingsLayout({ settings }: TrainStatement): Layout {
  const different = new Set(settings.map((s) => s.name.text));
  const isObject =
    different.size === settings.length && !settings.some((s) => dangerousKeys.has(s.name.text));
  if (isObject) return object(settings.map((s) => member(s.name.text, valueText(s.value))));
  return list(
    settings.map((s) =>
      object([member("set", JSON.stringify(s.name.text)), member("value", valueText(s.value))]),
    ),
  );
}

const body = (key: string, statements: readonly Statement[]): Layout =>
  member(key, list(statements.map(statementLayout), true));

/** A list of one is the one, unless that is a list itself. */
function oneOrMore<T>(items: readonly T[], alone: (item: T) => boolean, show: (item: T) => Layout): Layout {
  return items.length === 1 && alone(items[0]!) ? show(items[0]!) : list(items.map(show));
}

function param(s: ParamStatement): Layout {
  const entries = oneOrMore(
    s.entries,
    () => true,
    (e) => entry(e.name, e.sizes.length > 0 ? e.sizes : undefined),
  );
  return object([
    member("param", entries),
    ...(s.init ? [member("init", valueText(s.init))] : []),
    ...(s.condition ? [member("condition", valueText(s.condition))] : []),
    ...(s.frozen ? [member("frozen", "true")] : []),
    ...(s.decay === undefined ? [] : [member("decay", String(s.decay))]),
  ]);
}

function type({ element, bound }: InputStatement): string {
  const shown = bound ? onOneLine(["(", formatExpression(bound), ")"]) : "";
  return JSON.stringify(`${element}${shown}`);
}

function assign({ target, indices, bounds, operator, value }: AssignStatement): Layout {
  const shown = onOneLine(indices ? indicesText(indices, bounds) : "");
  return object([
    member("assign", JSON.stringify(`${target.text}${shown}`)),
    ...(operator ? [member("operator", JSON.stringify(operator))] : []),
    member("value", valueText(value)),
  ]);
}

function repeat({ count, index, shared, body: turn }: RepeatStatement): Layout {
  return tall([
    member("repeat", valueText(count)),
    ...(index ? [member("as", JSON.stringify(index.text))] : []),
    ...(shared ? [member("shared", "true")] : []),
    body("body", turn),
  ]);
}

function choice({ condition, then, otherwise }: IfStatement): Layout {
  return tall([
    member("if", valueText(condition)),
    body("then", then),
    ...(otherwise.length > 0 ? [body("else", otherwise)] : []),
  ]);
}

function match({ value, cases }: MatchStatement): Layout {
  const shown = cases.map(({ patterns, body: then }) =>
    patterns
      ? tall([
          member(
            "case",
            oneOrMore(patterns, (e) => e.kind !== "list", valueText),
          ),
          body("body", then),
        ])
      : tall([body("else", then)]),
  );
  return tall([member("match", valueText(value)), member("cases", list(shown, true))]);
}
