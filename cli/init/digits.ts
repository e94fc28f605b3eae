/**
 * Nothing → pairs of digit strings and their reversals, one pair a line: what an encoder-decoder learns in minutes.
 *
 *     40713	31704
 */
import { createRandom } from "./random.js";

const [shortest, longest] = [2, 5];

export function reversedDigits(count = 3000): string {
  const next = createRandom(21);
  const lines = Array.from({ length: count }, () => {
    const size = shortest + (next() % (longest - shortest + 1));
    const digits = Array.from({ length: size }, () => next() % 10);
    return `${digits.join("")}\t${[...digits].reverse().join("")}\n`;
  });
  return lines.join("");
}
