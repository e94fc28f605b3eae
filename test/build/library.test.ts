/** The library's declarations, each read alone → what reading its files whole gives. */
import { expect, test, vi } from "vitest";
import { check } from "../../compiler/index.js";
import { collectChoices } from "../../compiler/ir/build/choices.js";
import { libraryEntries, librarySourceFiles } from "../../compiler/ir/build/library.js";
import { libraryChoices } from "../../compiler/ir/build/library-choices.js";
import { readTfm } from "../../compiler/parser/read-tfm.js";

const whole = [...librarySourceFiles()].flatMap(([file, text]) => readTfm(text, file).model.declarations);
const named = whole.filter((d) => d.kind !== "law" && d.kind !== "import");

test("a model reads what it names of the library, once", async () => {
  // A compiler that has read nothing yet.
  vi.resetModules();
  const fresh = await import("../../compiler/index.js");
  const { parser } = await import("../../compiler/parser/read-tfm.js");
  const reads = vi.spyOn(parser, "file");
  const source = "model m {\n  input x[4] : real\n  output y = relu(x)\n}\n";
  const readings = (): number => {
    reads.mockClear();
    expect(fresh.check(source, { file: "m.tfm" }).map(({ message }) => message)).toEqual([]);
    return reads.mock.calls.length;
  };
  // The text itself; at first also `relu`, and `adamw` with its `bias_correction`, by which a model is trained that says nothing.
  expect([readings(), readings()]).toEqual([4, 1]);
  reads.mockRestore();
});

test("each declaration is found, and reads as in its file", () => {
  const alone = libraryEntries().map(({ read }) => read());
  expect(alone).toEqual(named);
  expect(libraryEntries().map(({ kind, name }) => ({ kind, name }))).toEqual(
    named.map(({ kind, name }) => ({ kind, name })),
  );
});

test("a declaration is read once", () => {
  const [entry] = libraryEntries();
  expect(entry!.read()).toBe(entry!.read());
});

test("the choices that the library knows are those of its declarations", () => {
  expect(libraryChoices).toEqual(collectChoices(whole));
});

test("a declaration that a model gives again does not clash with the library's", () => {
  const source = `block relu(x[*]) {
  return max(x, 0)
}

model m {
  input x[4] : real
  output y = relu(x)
}
`;
  expect(check(source, { file: "m.tfm" }).filter(({ code }) => code === "TFM2004")).toEqual([]);
});
