/**
 * Text → its 128-bit hash as 32 hexadecimal digits (MurmurHash3 x86_128 over UTF-16 code units, two a word).
 *
 * `hashText("add;a;b")` → `"5f0c…"`. Content addresses need no resistance to forgery, only to accident.
 */
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
  // Written out: this runs for every node of a compilation, mostly before anything of it is optimised.
  for (let at = 0; at < length; at += 8) {
    let k1 = Math.imul(padded.charCodeAt(at) | (padded.charCodeAt(at + 1) << 16), C1);
    let k2 = Math.imul(padded.charCodeAt(at + 2) | (padded.charCodeAt(at + 3) << 16), C2);
    let k3 = Math.imul(padded.charCodeAt(at + 4) | (padded.charCodeAt(at + 5) << 16), C3);
    let k4 = Math.imul(padded.charCodeAt(at + 6) | (padded.charCodeAt(at + 7) << 16), C4);
    k1 = (k1 << 15) | (k1 >>> 17);
    k2 = (k2 << 16) | (k2 >>> 16);
    k3 = (k3 << 17) | (k3 >>> 15);
    k4 = (k4 << 18) | (k4 >>> 14);
    h1 ^= Math.imul(k1, C2);
    h1 = (Math.imul((((h1 << 19) | (h1 >>> 13)) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= Math.imul(k2, C3);
    h2 = (Math.imul((((h2 << 17) | (h2 >>> 15)) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= Math.imul(k3, C4);
    h3 = (Math.imul((((h3 << 15) | (h3 >>> 17)) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= Math.imul(k4, C1);
    h4 = (Math.imul((((h4 << 13) | (h4 >>> 19)) + h1) | 0, 5) + 0x32ac3b17) | 0;
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
