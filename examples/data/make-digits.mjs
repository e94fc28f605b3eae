// Writes pairs of digit strings: node make-digits.mjs reverse|sort FOLDER [COUNT] → FOLDER/train.tsv and FOLDER/test.tsv
//
//   31415<TAB>51413      reverse
//   31415<TAB>11345      sort
//
// The same arguments give the same files. Strings have 4 to 8 digits, and none of the test's is in the training's.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [task = "", folder = "", count = "20000"] = process.argv.slice(2);
const tasks = {
  reverse: (digits) => [...digits].reverse().join(""),
  sort: (digits) => [...digits].sort().join(""),
};
const [shortest, longest] = [4, 8];
const testCount = 1000;

if (!(task in tasks) || folder === "" || !/^\d+$/.test(count)) {
  console.error("usage: node make-digits.mjs reverse|sort FOLDER [COUNT]");
  process.exit(2);
}

// xorshift32: a fixed sequence of draws, so that everybody has the same data.
let state = 0x9e3779b9;
function below(end) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % end;
}

const drawn = new Set();
while (drawn.size < Number(count) + testCount) {
  const length = shortest + below(longest - shortest + 1);
  drawn.add(Array.from({ length }, () => below(10)).join(""));
}

const lines = [...drawn].map((digits) => `${digits}\t${tasks[task](digits)}\n`);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "test.tsv"), lines.slice(0, testCount).join(""));
writeFileSync(join(folder, "train.tsv"), lines.slice(testCount).join(""));
