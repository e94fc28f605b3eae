/** Tokenizers of the command line: our BPE against a naive one and against Hugging Face's, its files of every kind, the door. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { trainBpe } from "../../cli/tokenizers/bpe.js";
import {
  alphabet,
  byteCharacters,
  countWords,
  spellings,
  trainMerges,
} from "../../cli/tokenizers/bpe-train.js";
import { huggingFaceTokenizer } from "../../cli/tokenizers/hugging-face.js";
import { openTokenizer, parseTokenizer, tokenizerChoice } from "../../cli/tokenizers.js";
import type { SpecialName } from "../../runtime/tokenizer.js";

interface Reference {
  readonly merges: readonly (readonly [string, string])[];
  readonly files: Readonly<
    Record<
      string,
      {
        readonly file: { readonly added_tokens: readonly { readonly content: string }[] };
        readonly cases: readonly {
          readonly text: string;
          readonly ids: readonly number[];
          readonly decoded: string;
        }[];
      }
    >
  >;
}
const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const reference = JSON.parse(read("../reference/tokenizers.json")) as Reference;
const tales = read("../../examples/data/tales.txt");
const wellFormed = fc.string({ unit: "grapheme", maxLength: 60 });

/** Counts all pairs again before every merge. */
function naiveMerges(texts: readonly string[], count: number): readonly string[] {
  const idOf = (spelling: string): number => all.indexOf(spelling);
  const all = [...alphabet];
  let words = [...countWords(texts)].map(([word, times]) => ({
    times,
    ids: [...new TextEncoder().encode(word)].map((byte) => idOf(byteCharacters[byte]!)),
  }));
  const merges: string[] = [];
  for (let n = 0; n < count; n++) {
    const counts = new Map<string, number>();
    for (const { ids, times } of words)
      for (let k = 1; k < ids.length; k++) {
        const pair = `${ids[k - 1]} ${ids[k]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + times);
      }
    const order = ([a, x]: [string, number], [b, y]: [string, number]): number => {
      const [[a1, a2], [b1, b2]] = [a.split(" ").map(Number), b.split(" ").map(Number)] as [
        number[],
        number[],
      ];
      return y - x || a1! - b1! || a2! - b2!;
    };
    const [best] = [...counts].sort(order);
    if (!best) break;
    const [left, right] = best[0].split(" ").map(Number) as [number, number];
    merges.push(best[0]);
    all.push(all[left]! + all[right]!);
    words = words.map(({ times, ids }) => {
      const joined: number[] = [];
      for (let k = 0; k < ids.length; k++)
        if (ids[k] === left && ids[k + 1] === right) {
          joined.push(255 + merges.length);
          k++;
        } else joined.push(ids[k]!);
      return { times, ids: joined };
    });
  }
  return merges;
}

describe("the trainer", () => {
  test("makes the merges that a naive one makes", () => {
    const text = fc
      .array(fc.constantFrom("a", "b", "aa", "ab", " ", "é", "\n"), { maxLength: 80 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 0, max: 30 }),
        (texts, count) => {
          const merges = trainMerges(texts, count).map(([left, right]) => `${left} ${right}`);
          expect(merges).toEqual(naiveMerges(texts, count));
        },
      ),
      { numRuns: 150 },
    );
  });

  test("makes the merges that Hugging Face's makes", () => {
    const merges = trainMerges([tales], reference.merges.length);
    const all = spellings(merges);
    expect(merges.map(([left, right]) => [all[left], all[right]])).toEqual(reference.merges);
  });

  test("the alphabet is GPT-2's: every byte a character, none of them a space or a control", () => {
    expect(new Set(byteCharacters).size).toBe(256);
    expect([32, 10, 65, 0xad, 0].map((byte) => byteCharacters[byte])).toEqual(["Ġ", "Ċ", "A", "Ń", "Ā"]);
    expect(byteCharacters.join("")).not.toMatch(/[\s\p{Cc}]/u);
  });
});

describe("our own BPE", () => {
  const specials: readonly SpecialName[] = ["bos", "eos", "mask"];
  const tokenizer = trainBpe([tales, "__proto__ __proto__ __proto__ constructor"], 500, specials);

  test("decode ∘ encode is the identity on every text, through its file too", () => {
    const again = parseTokenizer(JSON.stringify(tokenizer.toJSON()));
    const spaces = fc
      .array(fc.constantFrom(" ", "\n", "\t", "\u00a0", "\ufeff", "a", "'s", "🙂", "e\u0301"))
      .map((x) => x.join(""));
    fc.assert(
      fc.property(fc.oneof(wellFormed, spaces), (text) => {
        const ids = tokenizer.encode(text);
        expect(tokenizer.decode(ids)).toBe(text);
        expect([...again.encode(text)]).toEqual([...ids]);
      }),
      { numRuns: 300 },
    );
    expect(again.toJSON()).toEqual(tokenizer.toJSON());
    expect(tokenizer.decode(tokenizer.encode("__proto__ constructor"))).toBe("__proto__ constructor");
  });

  test("its size counts the special tokens, which give no text", () => {
    expect([tokenizer.type, tokenizer.size]).toEqual(["bpe", 500]);
    expect(tokenizer.specials).toEqual({ bos: 497, eos: 498, mask: 499 });
    expect(tokenizer.decode([497, ...tokenizer.encode("The king"), 498])).toBe("The king");
    expect([...tokenizer.encode("a<mask>b</s>")].filter((id) => id >= 497)).toEqual([499, 498]);
    expect(() => tokenizer.decode([500])).toThrow(/TFM6201: 500 .*\[0, 500\)/);
    expect(tokenizer.encode(tales).length).toBeLessThan(tales.length / 2);
  });

  test("a text that gives too few merges gives fewer tokens", () => {
    const small = trainBpe(["abab"], 1000, ["eos"]);
    expect([small.size, small.specials.eos]).toEqual([259, 258]);
  });
});

describe.each(Object.entries(reference.files))("a file of %s's kind", (kind, { file, cases }) => {
  const tokenizer = huggingFaceTokenizer(file);
  const spelled = (text: string): boolean => file.added_tokens.some(({ content }) => text.includes(content));

  test("gives Hugging Face's ids", () => {
    for (const { text, ids } of cases) expect([text, ...tokenizer.encode(text)]).toEqual([text, ...ids]);
  });

  test("and its texts, where no special token is left out", () => {
    for (const { text, ids, decoded } of cases)
      if (!spelled(text)) expect(tokenizer.decode(ids)).toBe(decoded);
  });

  test("has its special tokens by their names, and keeps them in a run folder", () => {
    const wanted = {
      gpt2: { bos: 320, eos: 320 },
      bert: { unknown: 1, bos: 2, eos: 3, mask: 4 },
      llama: { unknown: 0, bos: 1, eos: 2 },
      t5: { unknown: 2, bos: 0, eos: 1 },
    }[kind];
    expect(tokenizer.specials).toEqual(wanted);
    const more = parseTokenizer(JSON.stringify(tokenizer.withSpecials(["bos", "eos", "mask"]).toJSON()));
    expect(more.specials).toEqual({ mask: tokenizer.size, ...wanted });
    expect(more.size).toBe(tokenizer.size + (kind === "bert" ? 0 : 1));
    expect([...more.encode(cases[0]!.text)]).toEqual(cases[0]!.ids);
  });
});

describe("the door", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tfmc-tokenizer-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, json: unknown): string => {
    writeFileSync(join(folder, name), JSON.stringify(json));
    return join(folder, name);
  };

  test("bytes, characters and BPE", () => {
    expect(openTokenizer("bytes", [], ["eos"]).size).toBe(257);
    expect(openTokenizer("chars", ["ab", "bc"]).size).toBe(3);
    expect(openTokenizer("chars:unknown", ["ab"], ["mask"]).specials).toEqual({ unknown: 2, mask: 3 });
    expect(openTokenizer("bpe:300", [tales], ["bos"]).size).toBe(300);
  });

  test("a file of either format, or the folder that has one; what stands beside it names the special tokens", () => {
    const file = write("tokenizer.json", reference.files["gpt2"]!.file);
    expect(openTokenizer(file, []).specials).toEqual({ bos: 320, eos: 320 });
    expect(openTokenizer(folder, [], ["mask"]).specials).toEqual({ bos: 320, eos: 320, mask: 321 });
    write("special_tokens_map.json", { eos_token: "!", bos_token: { content: "a" }, unk_token: "!" });
    const { specials } = openTokenizer(folder, []);
    expect(specials).toEqual({ bos: alphabet.indexOf("a"), eos: alphabet.indexOf("!") });
    const run = mkdtempSync(join(folder, "run-"));
    writeFileSync(join(run, "tokenizer.json"), JSON.stringify(openTokenizer("chars", ["xyz"])));
    expect([...openTokenizer(run, []).encode("zx")]).toEqual([2, 0]);
  });

  test("what the option takes", () => {
    for (const choice of ["bytes", "chars", "chars:unknown", "bpe:4000", "some/tokenizer.json", folder])
      expect(tokenizerChoice(choice)).toBe(choice);
    expect(() => tokenizerChoice("char")).toThrow(/is it `chars`\?/);
    expect(() => tokenizerChoice("bpe")).toThrow(/such as `bpe:4000`/);
    expect(() => tokenizerChoice("bpe:many")).toThrow(/such as `bpe:4000`/);
    expect(() => tokenizerChoice("bpe:9999999")).toThrow(/such as/);
    expect(() => openTokenizer("bpe:257", [tales], ["bos", "eos"])).toThrow(/from 258/);
    expect(() => openTokenizer(join(folder, "tokenizer.jsn"), [])).toThrow(/does not exist/);
  });

  test("files that are no tokenizers", () => {
    const file = reference.files["gpt2"]!.file as unknown as Record<string, unknown>;
    const refused = (json: unknown, message: RegExp): void => {
      expect(() => parseTokenizer(JSON.stringify(json), "t.json")).toThrow(message);
      expect(() => parseTokenizer(JSON.stringify(json), "t.json")).toThrow(/^TFM6202: `t\.json`/);
    };
    expect(() => parseTokenizer("{", "t.json")).toThrow(/TFM6202: `t\.json` is not JSON/);
    refused([], /`type` is missing/);
    refused({ model: {} }, /does not read/);
    refused({ ...file, model: { type: "Psychic", vocab: {} } }, /does not read|Psychic/);
    refused({ ...file, model: { type: "BPE", vocab: { a: -1 }, merges: [] } }, /"a" has the id -1/);
    refused({ ...file, model: { type: "BPE", vocab: { a: 2 ** 40 }, merges: [] } }, /has the id/);
    refused({ ...file, added_tokens: [0, 1].map((n) => ({ id: 5, content: `<${n}>` })) }, /one id/);
    refused({ ...file, decoder: { type: "Nope" } }, /Nope/);
  });

  test("a text that the tokenizer cannot spell", () => {
    const model = { type: "WordPiece", vocab: { a: 0 }, unk_token: "[UNK]", continuing_subword_prefix: "##" };
    const tokenizer = huggingFaceTokenizer({ ...reference.files["bert"]!.file, added_tokens: [], model });
    expect([...tokenizer.encode("a")]).toEqual([0]);
    expect(() => tokenizer.encode("a b")).toThrow(/TFM6201/);
  });
});
