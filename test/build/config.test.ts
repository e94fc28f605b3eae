/** Config form: `model name : base { … }` and `variant`, against the same model written out. */
import { describe, expect, test } from "vitest";
import { applyFix } from "../../compiler/diagnostics.js";
import { printGraph } from "../../compiler/ir/text.js";
import { built, diagnose } from "./support.js";

const FAMILY = `model family(d = 8, layers = 2, hidden = 4 * d, norm = layer_norm, norm_at = pre, position = none, act = gelu, dropout = 0, mask = none) {
  input x[t <= 16, d] : real
  y = dropout(x, dropout)
  match position {
    none { }
    rope { y = 2 * y }
    learned { y = 3 * y }
  }
  repeat layers {
    match norm_at {
      pre { y = y + mlp(norm(y), hidden, act) }
      post { y = norm(y + mlp(y, hidden, act)) }
    }
    if mask != none { y = y + attention(y, 2, mask: mask) }
  }
  output y = y
  loss sum[i, c](y[i, c] * y[i, c])
  train { optimizer = adamw(lr: 3e-4, weight_decay: 0.1); schedule = noam(warmup: 10, width: d); batch = 4; steps = 7 }
}
`;
const config = (body: string, more = ""): string => `${more}${FAMILY}model m : family {\n  ${body}\n}\n`;
/** The family with other defaults: what the config form must come to. */
const written = (defaults: Readonly<Record<string, string>>, more = ""): string =>
  Object.entries(defaults).reduce(
    (text, [name, value]) =>
      text.replace(new RegExp(`([(,] ?)${name} = (\\w+( \\* \\w+)?)`), `$1${name} = ${value}`),
    more + FAMILY,
  );

const summaryOf = (text: string, entry?: string, settings = {}) => {
  const model = built(text, { ...(entry && { entry }), settings });
  return {
    forward: printGraph({ ...model.forward, name: "m" }),
    loss: printGraph({ ...model.loss!, name: "m" }),
    parameters: model.parameters,
    recipe: model.recipe,
    inputs: model.inputs,
    lengths: model.lengths,
  };
};

const settings: readonly (readonly [string, string, Record<string, string>, string?])[] = [
  ["nothing", "", {}],
  ["numbers", "layers = 3; d = 4", { layers: "3", d: "4" }],
  ["a number that others need", "d = hidden; hidden = 12", { d: "12", hidden: "12" }],
  ["a choice", "norm_at = post", { norm_at: "post" }],
  ["a function", "norm = rms_norm", { norm: "rms_norm" }],
  ["a function with arguments", "norm = rms_norm(eps: 1 / d)", { norm: "rms_norm(eps: 1 / d)" }],
  ["a case by function", "position = rope(base: 100)", { position: "rope(base: 100)" }],
  ["a case by choice", "position = learned", { position: "learned" }],
  ["a knob that hides a block", "dropout = 0.5", { dropout: "0.5" }],
  [
    "a mask of the file",
    "mask = near(2 * layers)",
    { mask: "near(2 * layers)" },
    "mask near(w)(i, j) = i - j < w\n",
  ],
  ["a block of the file", "act = cube", { act: "cube" }, "block cube(x[*]) { return x * x * x }\n"],
  ["a declaration of the knob's name", "act = act", { act: "act" }, "block act(x[*]) { return x * x }\n"],
];

describe("settings come to what the defaults would", () => {
  test.each(settings.map(([name, body, defaults, more = ""]) => [name, body, defaults, more] as const))(
    "%s",
    (_, body, defaults, more) => {
      expect(summaryOf(config(body, more), "m")).toEqual(summaryOf(written(defaults, more), "family"));
    },
  );
});

describe("variants", () => {
  const text = `${FAMILY}
model a : family { layers = 3; norm_at = post; train { batch = 2 } }
variant b : a { norm_at = pre; d = 4 }
variant c : b { layers = 1; train { steps = 3; optimizer = sgd(lr: d / 100) } }
`;
  test("each changes what it sets and keeps the rest", () => {
    expect(summaryOf(text, "b").forward).toBe(summaryOf(written({ layers: "3", d: "4" }), "family").forward);
    expect(summaryOf(text, "c").forward).toBe(summaryOf(written({ layers: "1", d: "4" }), "family").forward);
  });
  test("recipes change setting by setting", () => {
    expect(built(text, { entry: "b" }).recipe).toMatchObject({ batch: 2, steps: 7, learningRate: 3e-4 });
    const c = built(text, { entry: "c" });
    expect(c.recipe).toMatchObject({
      batch: 2,
      steps: 3,
      learningRate: 0.04,
      schedule: { kind: "noam", width: 4 },
    });
    expect(c.optimizer!.name).toBe("sgd");
  });
  test("the command line wins", () => {
    const c = built(text, { entry: "c", settings: { d: 16, lr: 0.5, "train.batch": 9, norm_at: "post" } });
    expect(c.recipe).toMatchObject({ batch: 9, learningRate: 0.5, schedule: { width: 16 } });
    expect(c.parameters.find(({ name }) => name.endsWith("w1"))!.shape[0]!.size).toBe(16);
    expect(
      built(text, { entry: "c", settings: { norm: "rms_norm(eps: 1 / d)" } }).parameters.map((p) => p.name),
    ).not.toContain("layers.0.layer_norm.bias");
  });
  test("the name is the variant's; the first model is the default", () => {
    expect(built(text, { entry: "c" }).name).toBe("c");
    expect(built(text).name).toBe("family");
    expect(built(`model first : family { d = 4 }\n${FAMILY}`).name).toBe("first");
  });
});

test("a model hides no block: one called t5 may have t5's positions", () => {
  const text = (
    name: string,
  ): string => `model ${name} : decoder { position = t5; ffn = mlp; norm = rms_norm }
`;
  for (const name of ["t5", "mlp", "rms_norm"])
    expect(summaryOf(text(name), name)).toEqual(summaryOf(text("other"), "other"));
});

test("a base of another file keeps that file's names", () => {
  const files = {
    "base.tfm": `block cube(x[*]) { return x * x * x }\nmask near(i, j) = i == j\n${FAMILY.replace("act = gelu", "act = cube").replace("mask = none", "mask = near")}`,
  };
  const text = `import "base.tfm"\nblock cube(x[*]) { return x }\nmodel m : family { layers = 1 }\nvariant n : m { act = cube }\n`;
  const cubes = (entry: string): number =>
    printGraph(built(text, { files, entry }).forward).split(" mul").length;
  expect(cubes("m")).toBe(cubes("n") + 2);
});

test("a model of the file hides the library's", () => {
  const text = `model decoder(d = 3) {\n  input x[t, d] : real\n  output y = x\n}\nmodel m : decoder { d = 5 }\n`;
  expect(built(text, { entry: "m" }).inputs[0]!.shape.at(-1)!.size).toBe(5);
});

/** Name → codes, text. */
const mistakes: readonly (readonly [string, readonly string[], string, string])[] = [
  ["a misspelt knob", ["TFM2002"], config("layrs = 3"), "Did you mean `layers`?"],
  ["an unknown knob", ["TFM2002"], config("banana = 3"), "It has d, layers,"],
  ["a knob twice", ["TFM2004"], config("layers = 3; layers = 4"), "set twice"],
  ["train twice", ["TFM2004"], config("train { batch = 3 }\n  train { steps = 4 }"), "`train` is set twice"],
  ["a misspelt choice", ["TFM2001"], config("norm_at = pots"), "Did you mean `post`?"],
  ["a choice of something else", ["TFM2001"], config("norm_at = matrices"), "They are pre, post."],
  [
    "a function that has no case",
    ["TFM2006"],
    config("position = relu"),
    "The cases are none, rope, learned.",
  ],
  ["a misspelt function", ["TFM2001"], config("norm = rms_nrom(eps: 1e-6)"), "Did you mean `rms_norm`?"],
  ["a misspelt knob on the right", ["TFM2001"], config("hidden = 4 * layrs"), "Did you mean `layers`?"],
  ["a misspelt argument", ["TFM2002"], config("norm = rms_norm(esp: 1e-6)"), "Did you mean `eps`?"],
  ["knobs in a circle", ["TFM2015"], config("d = hidden; hidden = 2 * d"), "d → hidden → d"],
  ["a knob of itself", ["TFM2015"], config("layers = layers + 1"), "layers → layers"],
  ["a statement", ["TFM2016"], config("y[i] = 3"), "This sets no parameter of `family`."],
  ["an update", ["TFM2016"], config("layers += 1"), "Write `layers = …`"],
  ["dataflow", ["TFM2016", "TFM2016"], config("use f = mlp(3)\n  output z = x"), "blocks stand in"],
  ["an unknown base", ["TFM2014"], `${FAMILY}model m : famly { d = 4 }\n`, "Did you mean `family`?"],
  [
    "a block as the base",
    ["TFM2014"],
    `${FAMILY}model m : mlp { d = 4 }\n`,
    "`mlp` is a block and no model.",
  ],
  ["its own base", ["TFM2015"], `${FAMILY}model m : m { d = 4 }\n`, "`m` is its own base."],
  [
    "a circle of bases",
    ["TFM2015"],
    `${FAMILY}variant m : n { d = 4 }\nvariant n : m { d = 3 }\n`,
    "m → n → m",
  ],
  ["an unknown setting of train", ["TFM2010"], config("train { bacth = 3 }"), "Did you mean `batch`?"],
  [
    "three mistakes",
    ["TFM2002", "TFM2001", "TFM2001"],
    config("layrs = 3\n  norm = rms_nrom\n  norm_at = pots"),
    "Did you mean `layers`?",
  ],
];

describe("mistakes", () => {
  test.each(mistakes)("%s", (_, codes, text, says) => {
    const { rendered, codes: found } = diagnose(text, { entry: "m" });
    expect(found).toEqual(codes);
    expect(rendered.join("\n")).toContain(says);
    expect(rendered.join("\n")).toContain("--> m.tfm:");
  });
  test("every proposed change mends its mistake", () => {
    const fixes = mistakes.flatMap(([name, , text]) =>
      diagnose(text, { entry: "m" }).diagnostics.length === 1
        ? diagnose(text, { entry: "m" }).diagnostics.flatMap(({ fix }) => (fix ? [{ name, text, fix }] : []))
        : [],
    );
    expect(fixes.length).toBeGreaterThanOrEqual(6);
    for (const { name, text, fix } of fixes)
      expect(diagnose(applyFix(text, fix), { entry: "m" }).rendered, name).toEqual([]);
  });
  test("settings that are not the base's", () => {
    expect(diagnose(config("d = 4"), { entry: "m", settings: { layrs: 2 } }).rendered[0]).toContain(
      "Did you mean `layers`?",
    );
  });
});
