/**
 * Text → its 128-bit hash as 32 hexadecimal digits (MurmurHash3 x86_128 over UTF-16 code units, two a word).
 *
 * `hashText("add;a;b")` → `"5f0c…"`. Content addresses need no resistance to forgery, only to accident.
 */
const rotateLeft = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

function finish(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

const BYTES: readonly string[] = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"));
const hex = (x: number): string =>
  BYTES[x >>> 24]! + BYTES[(x >>> 16) & 255]! + BYTES[(x >>> 8) & 255]! + BYTES[x & 255]!;

export function hashText(text: string): string {
  const C1 = 0x239b961b;
  const C2 = 0xab0e9789 | 0;
  const C3 = 0x38b34ae5;
  const C4 = 0xa1e38b93 | 0;
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  const length = text.length;
  const padded = text.padEnd((length + 7) & ~7, "\0");
  for (let at = 0; at < length; at += 8) {
    h1 ^= Math.imul(
      rotateLeft(Math.imul(padded.charCodeAt(at) | (padded.charCodeAt(at + 1) << 16), C1), 15),
      C2,
    );
    h1 = (Math.imul((rotateLeft(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(
      rotateLeft(Math.imul(padded.charCodeAt(at + 2) | (padded.charCodeAt(at + 3) << 16), C2), 16),
      C3,
    );
    h2 = (Math.imul((rotateLeft(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(
      rotateLeft(Math.imul(padded.charCodeAt(at + 4) | (padded.charCodeAt(at + 5) << 16), C3), 17),
      C4,
    );
    h3 = (Math.imul((rotateLeft(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(
      rotateLeft(Math.imul(padded.charCodeAt(at + 6) | (padded.charCodeAt(at + 7) << 16), C4), 18),
      C1,
    );
    h4 = (Math.imul((rotateLeft(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  }
  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = finish(h1);
  h2 = finish(h2);
  h3 = finish(h3);
  h4 = finish(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  return hex(h1) + hex((h2 + h1) | 0) + hex((h3 + h1) | 0) + hex((h4 + h1) | 0);
}
