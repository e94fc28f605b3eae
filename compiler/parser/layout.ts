/**
 * A text with places where it may break → lines no wider than asked (Wadler 2003, "A prettier printer").
 *
 *     group(["f(", indent([softline, "a,", line, "b"]), softline, ")"])  →  "f(a, b)", or one argument a line
 */
export type Layout =
  | string
  | readonly Layout[]
  | { readonly kind: "line"; readonly flat: string }
  | { readonly kind: "indent"; readonly of: Layout }
  | { readonly kind: "group"; readonly of: Layout };

/** A space, or the end of the line. */
export const line: Layout = { kind: "line", flat: " " };
/** Nothing, or the end of the line. */
export const softline: Layout = { kind: "line", flat: "" };
export const indent = (of: Layout): Layout => ({ kind: "indent", of });
/** All breaks inside are taken, or none where it fits. */
export const group = (of: Layout): Layout => ({ kind: "group", of });

export function joined(items: readonly Layout[], between: Layout): readonly Layout[] {
  return items.flatMap((item, i) => (i === 0 ? [item] : [between, item]));
}

/** `(a, b)`: on one line, or each item on its own. */
export function bracketed(open: string, items: readonly Layout[], close: string): Layout {
  if (items.length === 0) return open + close;
  return group([open, indent([softline, joined(items, [",", line])]), softline, close]);
}

const unit = 2;

type Frame = { readonly layout: Layout; readonly depth: number; readonly flat: boolean };

const isList = (layout: Layout): layout is readonly Layout[] => Array.isArray(layout);

function fits(first: Frame, rest: readonly Frame[], room: number): boolean {
  const stack: Frame[] = [first];
  let left = room;
  let below = rest.length - 1;
  while (left >= 0) {
    const frame = stack.pop() ?? rest[below--];
    if (frame === undefined) return true;
    const { layout, depth, flat } = frame;
    if (typeof layout === "string") left -= [...layout].length;
    else if (isList(layout))
      for (let i = layout.length - 1; i >= 0; i--) stack.push({ layout: layout[i]!, depth, flat });
    else if (layout.kind === "line" && !flat) return true;
    else if (layout.kind === "line") left -= layout.flat.length;
    else stack.push({ layout: layout.of, depth, flat });
  }
  return false;
}

/** The layout as text; `depth` is the indentation of the line it starts in (which the caller writes). */
export function layOut(layout: Layout, depth: number, width: number): string {
  const stack: Frame[] = [{ layout, depth, flat: false }];
  let text = "";
  let column = depth * unit;
  for (let frame = stack.pop(); frame !== undefined; frame = stack.pop()) {
    const { layout: at, depth: d, flat } = frame;
    if (typeof at === "string") {
      text += at;
      column += [...at].length;
    } else if (isList(at))
      for (let i = at.length - 1; i >= 0; i--) stack.push({ layout: at[i]!, depth: d, flat });
    else if (at.kind === "indent") stack.push({ layout: at.of, depth: d + 1, flat });
    else if (at.kind === "group") {
      const whole: Frame = { layout: at.of, depth: d, flat: true };
      stack.push(flat || fits(whole, stack, width - column) ? whole : { ...whole, flat: false });
    } else if (flat) {
      text += at.flat;
      column += at.flat.length;
    } else {
      text += `\n${" ".repeat(d * unit)}`;
      column = d * unit;
    }
  }
  return text;
}
