/** Special tokens of the two tokenizers that need no training. */
import { describe, expect, test } from "vitest";
import { byteTokenizer, characterTokenizer, tokenizerFromJson } from "../../runtime/tokenizer.js";

const reread = (tokenizer: object) => tokenizerFromJson(JSON.parse(JSON.stringify(tokenizer)));

test("special tokens come after the ordinary ids, in one order however they are asked for", () => {
  const bytes = byteTokenizer({ specials: ["mask", "eos", "bos", "unknown"] });
  expect([bytes.size, bytes.specials]).toEqual([259, { bos: 256, eos: 257, mask: 258 }]);
  const characters = characterTokenizer("ab", { specials: ["eos"], unknown: true });
  expect([characters.size, characters.specials]).toEqual([4, { unknown: 2, eos: 3 }]);
  expect([...characters.encode("axb")]).toEqual([0, 2, 1]);
});

test("they give no text, unknown gives U+FFFD, and a text never holds them", () => {
  const bytes = byteTokenizer({ specials: ["bos", "eos"] });
  expect(bytes.decode([256, 104, 105, 257])).toBe("hi");
  expect([...bytes.encode("</s>")].every((id) => id < 256)).toBe(true);
  const characters = characterTokenizer("ab", { specials: ["bos", "unknown"] });
  expect(characters.decode([3, 0, 2, 1])).toBe("a\ufffdb");
  expect(() => bytes.decode([258])).toThrow(/TFM6201: 258/);
});

test("more of them can be added, and no id moves", () => {
  const bytes = byteTokenizer({ specials: ["mask"] }).withSpecials(["bos", "mask"]);
  expect(bytes.specials).toEqual({ mask: 256, bos: 257 });
  const characters = characterTokenizer("ab").withSpecials(["eos"]).withSpecials(["unknown"]);
  expect(characters.specials).toEqual({ eos: 2, unknown: 3 });
  for (const tokenizer of [bytes, characters]) {
    expect(reread(tokenizer).specials).toEqual(tokenizer.specials);
    expect(reread(tokenizer).size).toBe(tokenizer.size);
    expect(reread(tokenizer).toJSON()).toEqual(tokenizer.toJSON());
  }
});

test("files without special tokens look as they always did", () => {
  expect(byteTokenizer().toJSON()).toEqual({ type: "bytes" });
  expect(characterTokenizer("a", { unknown: true }).toJSON()).toEqual({
    type: "characters",
    characters: ["a"],
    unknown: 1,
  });
});

describe("files that are none", () => {
  test.each([
    [{ type: "bytes", specials: { bos: 255 } }, /first free ids, from 256/],
    [{ type: "bytes", specials: { bos: 256, eos: 256 } }, /first free ids/],
    [{ type: "bytes", specials: { bos: "256" } }, /first free ids/],
    [{ type: "bytes", specials: { unknown: 256 } }, /no token `unknown`/],
    [{ type: "bytes", specials: { end: 256 } }, /no token `end`/],
    [{ type: "bytes", specials: [256] }, /ids by name/],
    [{ type: "characters", characters: ["a"], unknown: null, specials: 3 }, /ids by name/],
    [{ type: "characters", characters: ["a"], unknown: null, specials: { unknown: 1 } }, /ids by name/],
    [{ type: "characters", characters: ["a"], unknown: 2, specials: { bos: 3 } }, /first free ids, from 1/],
    [{ type: "characters", characters: ["a"] }, /unknown/],
  ])("%j", (json, message) => {
    expect(() => tokenizerFromJson(json)).toThrow(/^TFM6202/);
    expect(() => tokenizerFromJson(json)).toThrow(message);
  });
});
