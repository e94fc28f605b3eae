/** parse → print → parse is the identity up to spans, and printing twice is printing once. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatModel } from "../../compiler/parser/format.js";
import { model } from "./arbitrary-model.js";
import { bare, everything, read } from "./trees.js";

const expressions: readonly (readonly [written: string, printed: string])[] = [
  ["a+b*c", "a + b * c"],
  ["(a+b)*c", "(a + b) * c"],
  ["a-(b-c)", "a - (b - c)"],
  ["(a-b)-c", "a - b - c"],
  ["a^b^c", "a ^ b ^ c"],
  ["(a^b)^c", "(a ^ b) ^ c"],
  ["-a^b", "-a ^ b"],
  ["(-a)^b", "(-a) ^ b"],
  ["a^-b", "a ^ -b"],
  ["-(-a)", "--a"],
  ["a*(-b)", "a * -b"],
  ["a*(not b)", "a * (not b)"],
  ["not(a==b)", "not a == b"],
  ["(not a)==b", "(not a) == b"],
  ["a or b and c", "a or b and c"],
  ["(a or b)and c", "(a or b) and c"],
  ["(a<b)==(c<d)", "(a < b) == (c < d)"],
  ["a//b%c/d", "a // b % c / d"],
  ["if a then b else if c then d else e", "if a then b else if c then d else e"],
  ["(if a then b else c)+1", "(if a then b else c) + 1"],
  ["f(x)(y)[i].z", "f(x)(y)[i].z"],
  ["(x[i])(y)", "(x[i])(y)"],
  ["max[i,j](x[i,j])", "max[i, j](x[i, j])"],
  ["sum[j](x[j]where j<i)", "sum[j](x[j] where j < i)"],
  ["[1,[],[2,3,],]", "[1, [], [2, 3]]"],
  ['f(mask:causal,"a\\\\\\"\\n")as g', 'f(mask: causal, "a\\\\\\"\\n") as g'],
  ["wte.table.if", "wte.table.if"],
  ["é + e\u0301", "é + é"],
];

describe("expressions print with the parentheses they need", () => {
  test.each(expressions)("%s", (written, printed) => {
    const source = `law l: ${written}\n`;
    expect(formatModel(read(source))).toBe(`law l: ${printed}\n`);
    expect(bare(read(`law l: ${printed}`))).toEqual(bare(read(source)));
  });
});

test("every form prints, and reads back as itself", () => {
  const first = formatModel(read(everything));
  expect(bare(read(first))).toEqual(bare(read(everything)));
  expect(formatModel(read(first))).toBe(first);
  expect(first).toMatchSnapshot();
});

test("comments and single blank lines stay where they stood", () => {
  const source = `# file

# doc of m
model m { # head
  # before x
  x = 1 # behind x

  # before y

  y = f(a, # inside
    b)
  # at the end
} # behind m

# last
`;
  const printed = formatModel(read(source));
  expect(printed).toBe(`# file

# doc of m
model m {  # head
  # before x
  x = 1  # behind x

  # before y

  # inside
  y = f(a, b)
  # at the end
}  # behind m

# last
`);
  expect(formatModel(read(printed))).toBe(printed);
});

test("comments stay in the branch and beside the parameter that they speak of", () => {
  const source = `#
model m(  # the model
  # width
  d = 64,  # even
  layers = 2  # deep
  # no more
) {  # its body
  if d > 1 {  # wide
    x = 1  # one
    # done
  }  # behind
  # otherwise
  else {  # narrow
    x = 2
  }
  if d > 2 {  # nothing
  } else if d > 3 {  # more
    # here
    x = 3
  } else {  # least
    x = 4
  }  # end
}
`;
  const printed = formatModel(read(source));
  expect(printed).toBe(`#
model m(  # the model
  # width
  d = 64,  # even
  layers = 2  # deep
  # no more
) {  # its body
  if d > 1 {  # wide
    x = 1  # one
    # done
    # behind
  } else {
    # otherwise
    # narrow
    x = 2
  }
  if d > 2 {  # nothing
  } else if d > 3 {  # more
    # here
    x = 3
  } else {  # least
    x = 4
  }  # end
}
`);
  expect(formatModel(read(printed))).toBe(printed);
});

test("long lines break where the grammar lets them", () => {
  const long = Array.from({ length: 20 }, (_, i) => `argument_${i}`);
  const source = `model m(${long.join(", ")}) {
  x = f(${long.join(", ")})
  y = ${long.join(" + ")}
  z = if ${long.join(" and ")} then ${long.join(" * ")} else 1
  return g(${long.join("[i] * ")}), 2
}
`;
  const printed = formatModel(read(source));
  expect(Math.max(...printed.split("\n").map((l) => l.length))).toBeLessThanOrEqual(110);
  expect(bare(read(printed))).toEqual(bare(read(source)));
  expect(formatModel(read(printed))).toBe(printed);
});

test("any tree prints as text that reads back as the tree", () => {
  fc.assert(
    fc.property(model, (tree) => {
      const printed = formatModel(tree);
      expect(bare(read(printed))).toEqual(bare(tree));
      expect(formatModel(read(printed))).toBe(printed);
    }),
    { numRuns: 300 },
  );
});
