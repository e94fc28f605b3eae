/**
 * Attributes → text, one writer for the content address and for `printGraph`.
 *
 * `{ axis: 1, start: [[1, "P"]], size: 4 }` → `axis=1 start=P size=4`
 */
import type { Graph } from "./graph.js";
import type { AttributeKind } from "./ops/row.js";
import type { Shape, Size } from "./shape.js";
import { shapeText, sizeText } from "./shape.js";
import type { Turns } from "./vocabulary.js";

export const numberText = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

const labelText = (label: string): string =>
  /^[^\s"=,()[\]{}]+$/.test(label) ? label : JSON.stringify(label);
const listText = (values: readonly unknown[]): string => `[${values.join(",")}]`;

const turnsText = (turns: Turns): string =>
  typeof turns === "number" ? String(turns) : `${sizeText(turns.size)} / ${turns.tile}`;

/** Graphs are written by `graphText`: their outputs' keys in an address, a block in text. */
export function attributeText(
  kind: AttributeKind,
  value: unknown,
  graphText: (graph: Graph) => string,
): string {
  switch (kind) {
    case "number":
      return numberText(value as number);
    case "boolean":
    case "dtype":
      return String(value);
    case "string":
      return JSON.stringify(value);
    case "size":
      return sizeText(value as Size);
    case "shape":
    case "space":
      return shapeText(value as Shape);
    case "numbers":
      return listText(value as readonly number[]);
    case "strings":
      return listText((value as readonly string[]).map(labelText));
    case "lists":
      return listText((value as readonly (readonly number[])[]).map(listText));
    case "turns":
      return turnsText(value as Turns);
    case "graph":
      return graphText(value as Graph);
    case "optional graph":
      return value === undefined ? "none" : graphText(value as Graph);
    default:
      return kind satisfies never;
  }
}
