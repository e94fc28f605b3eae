/**
 * Two texts → their lines in one column, each in both, only before or only after.
 *
 * ```
 * "a\nb", "a\nc"      [both a] [before b] [after c]
 * ```
 */
export interface DifferenceLine {
  readonly where: "both" | "before" | "after";
  readonly text: string;
}

/** The table of longest common ends takes memory by the product of the lengths. */
const mostLines = 2000;

export function lineDifferences(before: string, after: string): readonly DifferenceLine[] {
  const [a, b] = [linesOf(before), linesOf(after)];
  if (a.length > mostLines || b.length > mostLines)
    return [...a.map((text) => line("before", text)), ...b.map((text) => line("after", text))];
  const common = commonEnds(a, b);
  const lines: DifferenceLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(line("both", a[i]!));
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!))
      lines.push(line("before", a[i++]!));
    else lines.push(line("after", b[j++]!));
  }
  return lines;
}

const line = (where: DifferenceLine["where"], text: string): DifferenceLine => ({ where, text });
const linesOf = (text: string): readonly string[] => text.replace(/\n$/, "").split("\n");

/** Lines that the ends from i and from j have in common. */
function commonEnds(a: readonly string[], b: readonly string[]): readonly Uint16Array[] {
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i]![j] =
        a[i] === b[j] ? table[i + 1]![j + 1]! + 1 : Math.max(table[i + 1]![j]!, table[i]![j + 1]!);
  return table;
}
