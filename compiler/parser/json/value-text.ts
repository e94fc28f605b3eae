/**
 * Expression → the JSON text that reads back as it.
 *
 *     12 → 12     -0.5 → -0.5     none → null     [1, x] → [1, "x"]     4 * d → "4 * d"
 */
import { formatExpression } from "../format-expression.js";
import type { Layout } from "../layout.js";
import { bracketed, layOut } from "../layout.js";
import type { Expression } from "../model.js";

const numberOfJson = /^(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

export const onOneLine = (layout: Layout): string => layOut(layout, 0, Number.POSITIVE_INFINITY);

export const jsonString = (text: string): string => JSON.stringify(text);

export function valueText(e: Expression): Layout {
  switch (e.kind) {
    case "number":
      return numberOfJson.test(e.text) ? e.text : jsonString(e.text);
    case "unary": {
      const { operator, operand } = e;
      const isNumber = operator === "-" && operand.kind === "number" && numberOfJson.test(operand.text);
      return isNumber ? `-${operand.text}` : formula(e);
    }
    case "boolean":
      return String(e.value);
    case "name":
      return e.text === "none" ? "null" : jsonString(e.text);
    case "list":
      return bracketed("[", e.items.map(valueText), "]");
    case "string":
    case "call":
    case "subscript":
    case "member":
    case "binary":
    case "conditional":
    case "where":
    case "reduce":
      return formula(e);
    default:
      return e satisfies never;
  }
}

const formula = (e: Expression): string => jsonString(onOneLine(formatExpression(e)));

export const jsonOf = (e: Expression): string => onOneLine(valueText(e));
