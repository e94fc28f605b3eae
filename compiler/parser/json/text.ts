/**
 * Pieces of the Model → pieces of JSON text.
 *
 *     member("layers", "12")  →  "layers": 12
 */
import { formatExpression } from "../format-expression.js";
import type { Layout } from "../layout.js";
import { bracketed, group, indent, joined, line } from "../layout.js";
import type { Expression, Name, Parameter } from "../model.js";
import { dangerousKeys } from "./dangerous.js";
import { onOneLine, valueText } from "./value-text.js";

export const member = (key: string, value: Layout): Layout => [`${JSON.stringify(key)}: `, value];

/** One member a line. */
export const tall = (members: readonly Layout[]): Layout =>
  members.length === 0 ? "{}" : ["{", indent([line, joined(members, [",", line])]), line, "}"];

/** On one line where it fits. */
export const object = (members: readonly Layout[]): Layout => group(tall(members));

/** A list; `long` ones hold a statement a line. */
export function list(items: readonly Layout[], long = false): Layout {
  if (items.length === 0 || !long) return bracketed("[", items, "]");
  return ["[", indent([line, joined(items, [",", line])]), line, "]"];
}

export const names = (items: readonly Name[]): Layout => list(items.map((n) => JSON.stringify(n.text)));

export function doc(text: string): readonly Layout[] {
  if (text === "") return [];
  const lines = text.split("\n").map((part) => JSON.stringify(part));
  return [member("doc", lines.length === 1 ? lines[0]! : list(lines, true))];
}

/** An object where each parameter is a name with a default value, else strings as the language has them. */
export function parameters(items: readonly Parameter[]): Layout {
  const different = new Set(items.map((p) => p.name.text));
  const isObject =
    items.length > 0 &&
    different.size === items.length &&
    items.every((p) => p.axes === undefined && p.defaultValue && !dangerousKeys.has(p.name.text));
  return isObject
    ? object(items.map((p) => member(p.name.text, valueText(p.defaultValue!))))
    : list(items.map((p) => JSON.stringify(onOneLine(parameterLayout(p)))));
}

function parameterLayout({ name, axes, defaultValue }: Parameter): Layout {
  const shown = axes === undefined ? "" : axes === "any" ? "[*]" : `[${axes.map((a) => a.text).join(", ")}]`;
  return [name.text, shown, defaultValue ? [" = ", formatExpression(defaultValue)] : ""];
}

/** `w[d, hidden]`. */
export const entry = (name: Name, sizes: readonly Expression[] | undefined): string =>
  JSON.stringify(
    onOneLine([name.text, sizes === undefined ? "" : bracketed("[", sizes.map(formatExpression), "]")]),
  );
