/**
 * Which positions see which, found by moving them: for every mask of the library the positions that change when position j of the
 * memory is moved are those that the mask allows, told by a predicate that is written here once more, in plain JavaScript.
 */
import { describe, expect, test } from "vitest";
import { librarySourceFiles } from "../../compiler/ir/build.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { evaluate } from "../../compiler/laws/evaluate.js";
import { drawInputs, drawParameters, leavesOf } from "../../compiler/laws/values.js";
import { built, read } from "../build/support.js";

const LENGTH = 9;
const HEADS = 2;

/** Head h at position i sees position j. */
type Sees = (i: number, j: number, h: number) => boolean;

interface Sample {
  /** As it stands in a call. */
  readonly mask: string;
  readonly sees: Sees;
  /** Whether what it captures makes the memory as long as the text. */
  readonly self?: true;
  /** Further inputs that the mask captures: what stands in their brackets, and their values. */
  readonly inputs?: Readonly<
    Record<string, readonly [axes: string, element: "real" | "bool", values: readonly number[]]>
  >;
}

const valid = [1, 0, 1, 1, 1, 0, 1, 1, 0];
const numbers = [3, 1, 3, 2, 1, 1, 2, 3, 3];
/** [heads, 3, 3]: blocks of three of nine positions. */
const table = [1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 1];
const drawn = (h: number, i: number, j: number): boolean =>
  table[h * 9 + Math.floor(i / 3) * 3 + Math.floor(j / 3)]! > 0;
const third = (n: number): number => Math.floor(n / 3);
/** [heads, 5, 5], for blocks of two: two of them far from the diagonal. */
const sparse = Array.from({ length: 50 }, (_, n) => (n === 8 || n === 25 + 16 ? 1 : 0));

/** Every mask of compiler/library by its name, with samples of it. */
const samples: Readonly<Record<string, readonly Sample[]>> = {
  causal: [{ mask: "causal", sees: (i, j) => j <= i }],
  sliding: [
    { mask: "sliding(3)", sees: (i, j) => i - 2 <= j && j <= i },
    { mask: "sliding(1)", sees: (i, j) => i === j },
    { mask: "sliding(64)", sees: (i, j) => j <= i },
  ],
  prefix: [{ mask: "prefix(4)", sees: (i, j) => j < 4 || j <= i }],
  padding: [{ mask: "padding(v)", sees: (_, j) => valid[j] === 1, inputs: { v: ["s", "bool", valid] } }],
  padded: [
    {
      mask: "padded(sliding(4), v)",
      sees: (i, j) => i - 3 <= j && j <= i && valid[j] === 1,
      inputs: { v: ["s", "bool", valid] },
    },
  ],
  itself_or_held: [
    {
      mask: "itself_or_held(v)",
      sees: (i, j) => valid[j] === 1 || i === j,
      inputs: { v: ["s", "bool", valid] },
    },
  ],
  local: [{ mask: "local(2)", sees: (i, j) => Math.abs(i - j) <= 2 }],
  dilated: [{ mask: "dilated(2, 3)", sees: (i, j) => [0, 3, 6].includes(Math.abs(i - j)) }],
  atrous: [{ mask: "atrous(3)", sees: (i, j) => i % 3 === j % 3 }],
  strided: [{ mask: "strided(4)", sees: (i, j) => [0, 4, 8].includes(i - j) }],
  fixed: [
    { mask: "fixed(3)", sees: (i, j) => j <= i && (third(i) === third(j) || j % 3 === 2) },
    {
      mask: "fixed(4, b: 2, n: 2)",
      sees: (i, j, h) =>
        j <= i && (Math.floor(i / 4) === Math.floor(j / 4) || (h === 0 ? j % 4 >= 2 : j % 4 < 2)),
    },
  ],
  blocks: [{ mask: "blocks(3)", sees: (i, j) => third(i) === third(j) }],
  block_layout: [
    {
      mask: "block_layout(layout, 3)",
      sees: (i, j, h) => drawn(h, i, j),
      inputs: { layout: [`${HEADS}, 3, 3`, "real", table] },
    },
  ],
  bigbird: [
    {
      mask: "bigbird(random, 2)",
      sees: (i, j, h) => {
        const [a, b] = [i >> 1, j >> 1];
        return (
          Math.abs(a - b) <= 1 || [0, 4].includes(a) || [0, 4].includes(b) || sparse[h * 25 + a * 5 + b] === 1
        );
      },
      inputs: { random: [`${HEADS}, 5, 5`, "real", sparse] },
    },
  ],
  same: [
    {
      mask: "same(number)",
      sees: (i, j) => numbers[i] === numbers[j],
      inputs: { number: ["t", "real", numbers] },
      self: true,
    },
  ],
  marked: [{ mask: "marked(v)", sees: (_, j) => valid[j] === 1, inputs: { v: ["s", "real", valid] } }],
  either: [
    {
      mask: "either(sliding(2), atrous(4))",
      sees: (i, j) => i === j || i - 1 === j || i % 4 === j % 4,
    },
  ],
  both: [{ mask: "both(causal, blocks(3))", sees: (i, j) => j <= i && third(i) === third(j) }],
};

const declared = [...librarySourceFiles()].flatMap(([file, text]) =>
  read(text, file).declarations.flatMap((d) => (d.kind === "mask" ? [d.name.text] : [])),
);

test("every mask of the library has a sample", () =>
  expect(Object.keys(samples).sort()).toEqual([...new Set(declared)].sort()));

const all = Object.values(samples).flat();

/** The rows of the output, for each head, that change where row j of the input is moved. */
type Moved = (j: number) => readonly (readonly boolean[])[];

function movedIn(text: string, moved: string, { inputs = {} }: Sample): Moved {
  const model = built(text);
  const lengths = Object.fromEntries(
    Object.keys(model.lengths).map((name) => [name, name === "B" ? 1 : LENGTH]),
  );
  const given: Record<string, Tensor<number>> = { ...drawInputs(model.inputs, lengths, 5) };
  for (const [name, [, , values]] of Object.entries(inputs))
    given[name] = { sizes: given[name]!.sizes, data: Float64Array.from(values) };
  const gentle = ({ sizes, data }: Tensor<number>): Tensor<number> => ({
    sizes,
    data: Float64Array.from(data as Float64Array, (v) => v / 4),
  });
  // Small numbers: a weight of softmax that is too small to be seen would look like a mask.
  const leaves = leavesOf(
    model,
    new Map([...drawParameters(model, 5)].map(([name, x]) => [name, gentle(x)])),
  );
  given[moved] = gentle(given[moved]!);
  const run = (x: Tensor<number>) =>
    evaluate(model.forward, { ...leaves, ...given, [moved]: x }, lengths)["y"]!;
  const plain = run(given[moved]!);
  return (j) => {
    const x = given[moved]!;
    const width = x.sizes.at(-1)!;
    // Row j of every head.
    const data = Float64Array.from(x.data as Float64Array, (v, n) =>
      Math.floor(n / width) % LENGTH === j ? v + 1 + (n % 3) : v,
    );
    const after = run({ sizes: x.sizes, data });
    return rowsThatDiffer(plain, after);
  };
}

function rowsThatDiffer(x: Tensor<number>, y: Tensor<number>): readonly (readonly boolean[])[] {
  const width = x.sizes.at(-1)!;
  const row = (n: number): boolean =>
    Array.from({ length: width }, (_, c) => c).some((c) => x.data[n * width + c] !== y.data[n * width + c]);
  const heads = x.data.length / (LENGTH * width);
  return Array.from({ length: heads }, (_, h) =>
    Array.from({ length: LENGTH }, (_, i) => row(h * LENGTH + i)),
  );
}

const inputLines = ({ inputs = {} }: Sample): string =>
  Object.entries(inputs)
    .map(([name, [axes, element]]) => `  input ${name}[${axes}] : ${element}\n`)
    .join("");

const matrix = (at: (i: number, j: number) => boolean): string =>
  Array.from({ length: LENGTH }, (_, i) =>
    Array.from({ length: LENGTH }, (_, j) => (at(i, j) ? "x" : ".")).join(""),
  ).join("\n");

describe.each(all.map((sample) => [sample.mask, sample] as const))("%s", (mask, sample) => {
  const { sees } = sample;

  test("each head sees what the mask says, and nothing else", () => {
    const moved = movedIn(
      `model m {
  input q[${HEADS}, t <= 16, 4] : real
  input k[${HEADS}, ${sample.self ? "t" : "s <= 16"}, 4] : real
${inputLines(sample)}  output y = mix(q, k, k, mask: ${mask})
}
`,
      "k",
      sample,
    );
    const columns = Array.from({ length: LENGTH }, (_, j) => moved(j));
    for (let h = 0; h < HEADS; h++)
      expect(matrix((i, j) => columns[j]![h]![i]!)).toBe(matrix((i, j) => sees(i, j, h)));
  });

  test("two layers see as far as the mask taken twice", () => {
    const layer = `x + attention(x, ${HEADS}, mask: ${mask})`;
    const moved = movedIn(
      `model m {
  input x[t <= 16, 8] : real
${inputLines(sample).replaceAll("[s]", "[t]")}  x = ${layer}
  x = ${layer}
  output y = x
}
`,
      "x",
      sample,
    );
    const heads = Array.from({ length: HEADS }, (_, h) => h);
    const once = (i: number, j: number): boolean => i === j || heads.some((h) => sees(i, j, h));
    const through = Array.from({ length: LENGTH }, (_, n) => n);
    const twice = (i: number, j: number): boolean => through.some((n) => once(i, n) && once(n, j));
    const columns = through.map((j) => moved(j)[0]!);
    expect(matrix((i, j) => columns[j]![i]!)).toBe(matrix(twice));
  });
});
