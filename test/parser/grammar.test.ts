/** The grammar's rules can all be reached and told apart: looked at here, and not at every start. */
import { expect, test } from "vitest";
import { TfmParser } from "../../compiler/parser/grammar.js";

test("no alternative hides another", () => {
  expect(() => new TfmParser(true)).not.toThrow();
});
