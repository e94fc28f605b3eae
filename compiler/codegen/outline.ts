/**
 * Plain data → JSON text that reads like a table: the first levels one item a line; what is deeper, or short, in one piece.
 *
 * ```
 * { "name": "nano", "slots": [{ … }, { … }] }   →   {
 *                                                      "name": "nano",
 *                                                      "slots": [
 *                                                        { … },
 *                                                        { … }
 *                                                      ]
 *                                                    }
 * ```
 */

/** Characters that fit a line. */
const LINE = 100;

export function outline(value: unknown, levels: number, indent = ""): string {
  const inner = `${indent}  `;
  const lines = (items: readonly string[], open: string, close: string): string =>
    items.length === 0
      ? open + close
      : `${open}\n${items.map((item) => inner + item).join(",\n")}\n${indent}${close}`;
  const short = JSON.stringify(value);
  if (levels === 0 || short.length <= LINE || typeof value !== "object" || value === null) return short;
  if (Array.isArray(value))
    return lines(
      value.map((item) => outline(item, levels - 1, inner)),
      "[",
      "]",
    );
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return lines(
    entries.map(([name, item]) => `${JSON.stringify(name)}: ${outline(item, levels - 1, inner)}`),
    "{",
    "}",
  );
}
