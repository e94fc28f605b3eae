/**
 * Names with places for whole numbers: `h.{l}.attn.c_attn.weight`.
 *
 * ```
 * match("h.{l}.ln_1.bias", "h.11.ln_1.bias") = { l: "11" }      fill("layers.{l}.norm.bias", { l: "11" }) = "layers.11.norm.bias"
 * ```
 */

/** What the places hold, as written. */
export type Bindings = Readonly<Record<string, string>>;

const place = /\{([a-z]+)\}/g;

/** A matcher of many names: the pattern is taken apart once. */
export function matcher(pattern: string): (name: string) => Bindings | undefined {
  const places: string[] = [];
  const parts = pattern.split(place).map((part, n) => {
    if (n % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const again = places.indexOf(part);
    if (again >= 0) return `\\${again + 1}`;
    places.push(part);
    return "(0|[1-9][0-9]{0,5})";
  });
  const expression = new RegExp(`^${parts.join("")}$`);
  return (name) => {
    const found = expression.exec(name);
    return found ? Object.fromEntries(places.map((at, n) => [at, found[n + 1]!])) : undefined;
  };
}

export const fill = (pattern: string, bindings: Bindings): string =>
  pattern.replace(place, (whole, name: string) => bindings[name] ?? whole);
