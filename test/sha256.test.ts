import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { sha256 } from "../compiler/sha256.js";

test("equal to Node's for any text", () => {
  const node = (text: string): string => createHash("sha256").update(text).digest("hex");
  for (const size of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000]) {
    expect(sha256("x".repeat(size))).toBe(node("x".repeat(size)));
  }
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (text) => {
      expect(sha256(text)).toBe(node(text));
    }),
    { numRuns: 300 },
  );
});
