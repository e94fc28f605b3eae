/**
 * Elements of the page, made and found. Text is only ever set as text.
 */
type Child = Node | string;

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const svgSpace = "http://www.w3.org/2000/svg";

export function drawn<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS(svgSpace, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

export function find<T extends Element>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as unknown as T;
}

/** A short line as a series is drawn. */
export const swatch = (colour: string, dash: readonly number[]): SVGElement =>
  drawn(
    "svg",
    { class: "swatch", width: 30, height: 10, viewBox: "0 0 30 10", "aria-hidden": "true" },
    drawn("line", {
      ...{ x1: 0, y1: 5, x2: 30, y2: 5, stroke: colour, "stroke-width": 2.5 },
      "stroke-dasharray": dash.join(" "),
    }),
  );
