/** The library comes packed: no compile reads its texts by the grammar, and what comes out is the same tree. */
import { expect, test } from "vitest";
import { libraryModels, librarySourceFiles } from "../compiler/ir/build/library.js";
import { packedModels } from "../compiler/ir/build/packed-library.js";
import { hashText } from "../compiler/ir/hash.js";
import { librarySources } from "../compiler/library/sources.js";
import { packModel, unpackModel } from "../compiler/parser/packed.js";
import { readTfm } from "../compiler/parser/read-tfm.js";

test("every text of the library has a packed form of that very text", () => {
  const hashes = Object.entries(librarySources).map(([name, text]) => [name, hashText(text)]);
  expect(Object.entries(packedModels).map(([name, { of }]) => [name, of])).toEqual(hashes);
});

test("what is unpacked is what the grammar reads", () => {
  const read = [...librarySourceFiles()].map(([file, text]) => readTfm(text, file).model);
  expect(libraryModels()).toEqual(read);
});

test("words and numbers of a text are no places", () => {
  const { model } = readTfm(
    "# from [1,2]\nmodel m(list = [3, 4]) { input x[t] : real output y = x }\n",
    "m.tfm",
  );
  expect(unpackModel(packModel(model), "m.tfm")).toEqual(model);
});
