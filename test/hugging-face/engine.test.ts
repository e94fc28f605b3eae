/** The engine of import and export: layouts, bits, plans there and back, folders of several files, and what is wrong with folders. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Weight } from "../../cli/hugging-face/family.js";
import { parseLayout, solve, toLeft, toRight } from "../../cli/hugging-face/layout.js";
import { fill, matcher } from "../../cli/hugging-face/patterns.js";
import { planWeights } from "../../cli/hugging-face/plan.js";
import { toParameters, toTensors } from "../../cli/hugging-face/weights.js";
import { bytesOf, wordsOf } from "../../cli/hugging-face/words.js";
import { run } from "../../cli/program.js";
import { packSafetensors, readSafetensors } from "../../runtime/safetensors.js";
import { createTestHost } from "../cli/host.js";

const root = mkdtempSync(join(tmpdir(), "tfmc-engine-"));
afterAll(() => rmSync(root, { recursive: true }));
let made = 0;

describe("layouts", () => {
  const names = ["a", "b", "c", "d"];
  const grouped = (order: readonly string[], cuts: readonly boolean[]): string =>
    order.reduce(
      (text, name, n) => (n > 0 && cuts[n] ? `${text.slice(0, -1)} ${name})` : `${text} (${name})`),
      "",
    );
  test("there and back is the same, and groups are products", () => {
    const order = fc.shuffledSubarray(names, { minLength: 4, maxLength: 4 });
    const cuts = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(order, cuts, order, sizes, (left, joined, right, lengths) => {
        const layout = parseLayout(`${grouped(left, joined)} -> ${right.join(" ")}`);
        const size = (name: string): number => lengths[names.indexOf(name)]!;
        const shape = layout.left.map((group) => group.reduce((all, name) => all * size(name), 1));
        const found = solve(layout, shape, right.map(size))!;
        expect(names.map((name) => found.get(name))).toEqual(lengths);
        const data = Uint32Array.from({ length: lengths.reduce((a, b) => a * b, 1) }, (_, n) => n);
        const turned = toRight(layout, found, data);
        expect([...turned].sort((a, b) => a - b)).toEqual([...data]);
        expect(toLeft(layout, found, turned)).toEqual(data);
      }),
    );
  });

  test("columns q|k|v of heads, and heads of (q, k, v)", () => {
    const data = Uint32Array.from({ length: 12 }, (_, n) => n);
    const [columns, heads] = ["d (n h c) -> n d h c", "(h n c) d -> n d h c"].map(parseLayout);
    expect([...toRight(columns!, solve(columns!, [1, 12], [3, 1, 2, 2])!, data)]).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ]);
    expect([...toRight(heads!, solve(heads!, [12, 1], [3, 1, 2, 2])!, data)]).toEqual([
      0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11,
    ]);
  });

  test("sizes that do not agree are none", () => {
    expect(solve(parseLayout("(h c) d -> d h c"), [6, 5], [5, 4, 2])).toBeUndefined();
    expect(solve(parseLayout("(h c) d -> d h c"), [6, 5], [4, 3, 2])).toBeUndefined();
    expect(() => parseLayout("a b -> a c")).toThrow(/internal/);
  });
});

test("names with numbers", () => {
  expect(matcher("h.{l}.x.{m}.w")("h.10.x.0.w")).toEqual({ l: "10", m: "0" });
  expect(matcher("h.{l}.w")("h.01.w")).toBeUndefined();
  expect(matcher("a.{l}.b.{l}")("a.1.b.2")).toBeUndefined();
  expect(matcher("a+b")("aab")).toBeUndefined();
  expect(fill("h.{l}.w", { l: "3" })).toBe("h.3.w");
});

describe("bits", () => {
  const all = Uint16Array.from({ length: 1 << 16 }, (_, n) => n);
  test.each(["BF16", "F16"] as const)(
    "every %s is an f32 and the same again, what is not a number too",
    (dtype) => {
      const words = wordsOf(dtype, new Uint8Array(all.buffer));
      expect(bytesOf(dtype, words)).toEqual(new Uint8Array(all.buffer));
      const values = new Float32Array(words.buffer);
      const one = dtype === "F16" ? 0x3c00 : 0x3f80;
      expect([values[one], values[one | 0x8000], values[1]]).toEqual([
        1,
        -1,
        dtype === "F16" ? 2 ** -24 : 2 ** -133,
      ]);
    },
  );

  test("values between two of them go to the nearest, of equally near ones to the even", () => {
    const write = (dtype: "F16" | "BF16", ...values: number[]): number[] => {
      const bytes = bytesOf(dtype, new Uint32Array(Float32Array.from(values).buffer));
      return [...new Uint16Array(new Uint8Array(bytes).buffer)];
    };
    expect(
      write("F16", 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65520, 65519, 2 ** -25, 1.5 * 2 ** -25, 2 ** -26),
    ).toEqual([0x3c00, 0x3c02, 0x7c00, 0x7bff, 0, 1, 0]);
    expect(write("BF16", 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38)).toEqual([0x3f80, 0x3f82, 0x7f80]);
  });
});

describe("plans", () => {
  const words = (shape: readonly number[], from: number): Uint32Array =>
    Uint32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, n) => from + n);
  const size = fc.integer({ min: 1, max: 3 });
  /** Rows of every kind, in random sizes. */
  const maps = fc.record({
    d: size,
    h: size,
    c: size,
    layers: size,
    experts: fc.integer({ min: 2, max: 3 }),
    g: size,
  });

  test("export of what was imported is what was there", () => {
    fc.assert(
      fc.property(maps, ({ d, h, c, layers, experts, g }) => {
        const own = "layers.{l}.";
        const rows: readonly Weight[] = [
          { from: "wte", to: "table" },
          { from: "head", like: "wte" },
          { from: "h.{l}.o", to: `${own}wo`, layout: "d (h c) -> h c d" },
          { from: "h.{l}.qkv", split: [`${own}q`, `${own}k`], layout: "(h n c) d -> n d h c" },
          {
            from: "h.{l}.fused",
            axis: 1,
            parts: [
              { to: `${own}a`, size: h * c, layout: "d (h c) -> h d c" },
              { to: `${own}b`, size: g },
            ],
          },
          {
            join: Array.from({ length: experts }, (_, e) => `h.{l}.e.${e}`),
            to: `${own}w`,
            layout: "e out in -> e in out",
          },
          { from: "h.{l}.mask", ignored: "a buffer" },
        ];
        const tensors = new Map<string, readonly number[]>([
          ["wte", [d, h]],
          ["head", [d, h]],
        ]);
        const parameters = new Map<string, readonly number[]>([["table", [d, h]]]);
        for (let l = 0; l < layers; l++) {
          tensors
            .set(`h.${l}.o`, [d, h * c])
            .set(`h.${l}.qkv`, [2 * h * c, d])
            .set(`h.${l}.fused`, [d, h * c + g]);
          tensors.set(`h.${l}.mask`, [1]);
          for (let e = 0; e < experts; e++) tensors.set(`h.${l}.e.${e}`, [c, d]);
          parameters.set(`layers.${l}.wo`, [h, c, d]).set(`layers.${l}.w`, [experts, d, c]);
          parameters.set(`layers.${l}.q`, [d, h, c]).set(`layers.${l}.k`, [d, h, c]);
          parameters.set(`layers.${l}.a`, [h, d, c]).set(`layers.${l}.b`, [d, g]);
        }
        const plan = planWeights(rows, tensors, parameters);
        expect([plan.unused, plan.missing, plan.misfits]).toEqual([[], [], []]);
        const values = new Map(
          [...tensors].map(([name, shape], n) => [name, words(shape, 1000 * n)] as const),
        );
        values.set("head", values.get("wte")!);
        const imported = toParameters(plan, (name) => values.get(name)!);
        expect([...imported.keys()].sort()).toEqual([...parameters.keys()].sort());
        for (const [name, shape] of parameters)
          expect(imported.get(name)!.length).toBe(shape.reduce((a, b) => a * b, 1));
        const exported = toTensors(plan, (name) => imported.get(name)!);
        expect([...exported.keys()].sort()).toEqual(
          [...tensors.keys()].filter((name) => !name.endsWith("mask")).sort(),
        );
        for (const [name, data] of exported) expect(data, name).toEqual(values.get(name));
      }),
    );
  });

  const shapes = (all: Readonly<Record<string, readonly number[]>>) => new Map(Object.entries(all));
  const rows: readonly Weight[] = [
    { from: "m.wte", to: "table" },
    { from: "head", like: "m.wte" },
  ];
  test("a file of the class without a head lacks the prefix", () => {
    const plan = planWeights(rows, shapes({ wte: [2, 3] }), shapes({ table: [2, 3] }), "m.");
    expect(plan.moves.map(({ sources }) => sources)).toEqual([["wte"]]);
  });
  test("of two that are one either may be there", () => {
    const plan = planWeights(rows, shapes({ head: [2, 3] }), shapes({ table: [2, 3] }), "m.");
    expect([plan.moves.map(({ sources }) => sources), plan.unused, plan.missing, [...plan.likes]]).toEqual([
      [["head"]],
      [],
      [],
      [],
    ]);
  });
  test("a parameter without a row, or with two, is a mistake of the row", () => {
    expect(() => planWeights(rows, shapes({}), shapes({ other: [1] }))).toThrow(/internal: 0 rows/);
    expect(() => planWeights([...rows, rows[0]!], shapes({}), shapes({ table: [1] }))).toThrow(
      /internal: 2 rows/,
    );
  });
});

// ---------------------------------------------------------------- folders

const reference = (name: string): string =>
  new URL(`../reference/hugging-face/${name}`, import.meta.url).pathname;
const configOf = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(`${reference(name)}/config.json`, "utf8")) as Record<string, unknown>;
type Stored = ReturnType<typeof readSafetensors>["tensors"];
const tensorsOf = (name: string): Stored =>
  readSafetensors(readFileSync(`${reference(name)}/model.safetensors`)).tensors;
const pack = (tensors: Stored): Uint8Array => packSafetensors([...tensors], { format: "pt" });

function folder(files: Readonly<Record<string, Uint8Array | string | object>>): string {
  const path = mkdtempSync(join(root, "hf-"));
  for (const [name, data] of Object.entries(files))
    writeFileSync(
      join(path, name),
      typeof data === "string" || data instanceof Uint8Array ? data : JSON.stringify(data),
    );
  return path;
}

async function tfmc(...argv: readonly string[]) {
  const host = createTestHost({ temporaryFolder: root });
  const exit = await run(argv, host);
  return { exit, ...host.printed };
}
const importing = (path: string) => tfmc("import", path, "-o", join(root, `out-${made++}`));

describe("folders there and back", () => {
  const roundTrip = async (path: string, names: readonly string[]): Promise<string> => {
    const [inner, outer] = [join(root, `in-${made}`), join(root, `back-${made++}`)];
    expect(await tfmc("-q", "import", path, "-o", inner)).toMatchObject({ exit: 0 });
    expect(await tfmc("-q", "export", inner, "--to", "hf", "-o", outer)).toMatchObject({ exit: 0 });
    for (const name of names)
      expect(readFileSync(join(outer, name)), name).toEqual(readFileSync(join(path, name)));
    return inner;
  };

  test("several files with an index, of half width, with a tokenizer", async () => {
    const all = [...tensorsOf("llama")].map(([name, { shape, bytes }], n) => {
      const dtype = n % 2 === 0 ? ("BF16" as const) : ("F16" as const);
      return [name, { dtype, shape, bytes: bytesOf(dtype, wordsOf("F32", bytes)) }] as const;
    });
    const half = all.length >> 1;
    const [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const weight_map = Object.fromEntries(all.map(([name], n) => [name, n < half ? one : two]));
    const path = folder({
      "config.json": configOf("llama"),
      [one!]: packSafetensors(all.slice(0, half), { format: "pt" }),
      [two!]: packSafetensors(all.slice(half), { format: "pt" }),
      "model.safetensors.index.json": `${JSON.stringify({ metadata: { total_size: 1 }, weight_map }, null, 2)}\n`,
      "tokenizer.json": "{ }",
    });
    await roundTrip(path, [one!, two!, "model.safetensors.index.json", "config.json", "tokenizer.json"]);
  });

  test("an output that is stored beside the embedding that it is", async () => {
    const tensors = new Map(tensorsOf("gpt2"));
    tensors.set("lm_head.weight", tensors.get("transformer.wte.weight")!);
    await roundTrip(folder({ "config.json": configOf("gpt2"), "model.safetensors": pack(tensors) }), [
      "model.safetensors",
    ]);
  });

  test("what is not a number keeps its bits", async () => {
    const tensors = new Map(tensorsOf("gpt2"));
    const { shape, bytes } = tensors.get("transformer.wte.weight")!;
    const words = new Uint32Array(new Uint8Array(bytes).buffer);
    words.set([0x7fc12345, 0xffc00001, 0x7f800001, 0xff800000]);
    tensors.set("transformer.wte.weight", { dtype: "F32", shape, bytes: new Uint8Array(words.buffer) });
    await roundTrip(folder({ "config.json": configOf("gpt2"), "model.safetensors": pack(tensors) }), [
      "model.safetensors",
    ]);
  });

  test("buffers of old files are left out, and said", async () => {
    const named = [...tensorsOf("gpt2")].map(
      ([name, tensor]) => [name.replace("transformer.", ""), tensor] as const,
    );
    const mask = { dtype: "F32", shape: [1], bytes: new Uint8Array(4) } as const;
    const path = folder({
      "config.json": configOf("gpt2"),
      "model.safetensors": pack(new Map([...named, ["h.0.attn.bias", mask]])),
    });
    const { exit, err } = await importing(path);
    expect([exit, err]).toEqual([0, expect.stringContaining("not used: the causal mask, `h.0.attn.bias`")]);
  });

  test("gradients under their names add up to the norm that PyTorch has", async () => {
    const inner = join(root, `in-${made++}`);
    await tfmc("-q", "import", reference("phi3"), "-o", inner);
    const paths = [
      "--weights",
      join(inner, "model.safetensors"),
      "--inputs",
      `${reference("phi3")}/io.safetensors`,
    ];
    const out = join(inner, "g.safetensors");
    const { exit } = await tfmc(
      "-q",
      "grad",
      join(inner, "model.tfm"),
      ...paths,
      "--outputs",
      out,
      "--names",
      "hf",
    );
    const { tensors } = readSafetensors(readFileSync(out));
    const wanted = readSafetensors(readFileSync(`${reference("phi3")}/io.safetensors`)).tensors;
    expect(exit).toBe(0);
    for (const name of tensorsOf("phi3").keys())
      expect(tensors.get(`grad.${name}`)?.shape, name).toEqual(wanted.get(`grad.${name}`)!.shape);
  });
});

describe("what is wrong with a folder", () => {
  const base = configOf("gpt2");
  const weights = readFileSync(`${reference("gpt2")}/model.safetensors`);
  const without = (name: string): Stored => new Map([...tensorsOf("gpt2")].filter(([key]) => key !== name));
  const misnamed = new Map(
    [...tensorsOf("gpt2")].map(([name, x]) => [name.replace("ln_f.bias", "lnf.bias"), x] as const),
  );
  const wide = (name: string, shape: readonly number[]): Stored => {
    const bytes = new Uint8Array(4 * shape.reduce((a, b) => a * b, 1));
    return new Map(
      [...tensorsOf("gpt2")].map(([key, x]) => [key, key === name ? { ...x, shape, bytes } : x] as const),
    );
  };
  const other = new Map(tensorsOf("gpt2"));
  const table = other.get("transformer.wte.weight")!;
  const changed = new Uint8Array(table.bytes);
  changed[5] = 99;
  other.set("lm_head.weight", { ...table, bytes: changed });
  const index = (file: unknown): string => JSON.stringify({ weight_map: { a: file } });
  const proto = `{"__proto__": {"n_layer": 1}, ${JSON.stringify(base).slice(1)}`;

  test.each<[string, Readonly<Record<string, Uint8Array | string | object>>, RegExp]>([
    ["no file of weights", { "config.json": base }, /TFM5040: .* has no `model.safetensors`/],
    [
      "a pickle",
      { "config.json": base, "pytorch_model.bin": "x" },
      /TFM5040: .*only `pytorch_model.bin`.*not run here[\s\S]*save_pretrained/,
    ],
    ["no config", { "model.safetensors": weights }, /TFM5001: .*config.json/],
    [
      "an unknown family",
      { "config.json": { model_type: "gpt3" }, "model.safetensors": weights },
      /TFM5041: .*`gpt3` is not known[\s\S]*did you mean/,
    ],
    [
      "a family that is no name",
      { "config.json": { model_type: 3 }, "model.safetensors": weights },
      /TFM5041: .*`model_type` is 3/,
    ],
    [
      "a family from the prototype",
      { "config.json": { model_type: "constructor" }, "model.safetensors": weights },
      /TFM5041: .*`constructor` is not known/,
    ],
    [
      "another class",
      { "config.json": { ...base, architectures: ["GPT2DoubleHeadsModel"] }, "model.safetensors": weights },
      /TFM5041: .*`GPT2DoubleHeadsModel` is not understood/,
    ],
    [
      "an unknown field",
      { "config.json": { ...base, n_heads: 3 }, "model.safetensors": weights },
      /TFM5041: .*`n_heads`, here 3, is not understood[\s\S]*did you mean `n_head`/,
    ],
    [
      "__proto__",
      { "config.json": proto, "model.safetensors": weights },
      /TFM5041: .*`__proto__`, here \{"n_layer":1\}, is not understood/,
    ],
    [
      "a text for a number",
      { "config.json": { ...base, n_layer: "3" }, "model.safetensors": weights },
      /TFM5041: .*`n_layer` is "3": it must be a whole number/,
    ],
    [
      "a fraction of a layer",
      { "config.json": { ...base, n_layer: 1.5 }, "model.safetensors": weights },
      /TFM5041: .*`n_layer` is 1.5/,
    ],
    [
      "10⁹ layers",
      { "config.json": { ...base, n_layer: 1e9 }, "model.safetensors": weights },
      /TFM5041: .*`n_layer` is 1000000000/,
    ],
    ["10⁷ layers", { "config.json": { ...base, n_layer: 1e7 }, "model.safetensors": weights }, /error TFM/],
    [
      "heads that do not divide",
      { "config.json": { ...base, n_head: 4 }, "model.safetensors": weights },
      /error TFM/,
    ],
    [
      "a config that is a list",
      { "config.json": "[1]", "model.safetensors": weights },
      /TFM5041: .*not an object of fields but \[1\]/,
    ],
    [
      "a config that is no JSON",
      { "config.json": "{", "model.safetensors": weights },
      /TFM5041: .*is not JSON/,
    ],
    [
      "a tensor missing",
      { "config.json": base, "model.safetensors": pack(without("transformer.ln_f.bias")) },
      /TFM5042: .*the model wants `transformer.ln_f.bias`, which is not there/,
    ],
    [
      "a tensor misnamed",
      { "config.json": base, "model.safetensors": pack(misnamed) },
      /TFM5042: .*`transformer.ln_f.bias` \(near it is `transformer.lnf.bias`\)/,
    ],
    [
      "a tensor of another shape",
      {
        "config.json": base,
        "model.safetensors": pack(wide("transformer.h.1.attn.c_attn.weight", [15, 44])),
      },
      /TFM5042: .*`transformer.h.1.attn.c_attn.weight` is \[15, 44\].*\[15, 3, 5\] by "d \(n h c\) -> n d h c"/,
    ],
    [
      "more layers than the config says",
      { "config.json": { ...base, n_layer: 2 }, "model.safetensors": weights },
      /TFM5042: .*there is `transformer.h.2.attn.c_attn.bias`/,
    ],
    [
      "two that should be one",
      { "config.json": base, "model.safetensors": pack(other) },
      /TFM5042: .*`lm_head.weight` is to be the same as `transformer.wte.weight`.*element 1/,
    ],
    [
      "integers for weights",
      {
        "config.json": base,
        "model.safetensors": pack(
          new Map([...tensorsOf("gpt2")].map(([n, x]) => [n, { ...x, dtype: "I32" as const }])),
        ),
      },
      /TFM5042: .*is stored as I32/,
    ],
    [
      "a header that claims too much",
      {
        "config.json": base,
        "model.safetensors": new Uint8Array([255, 255, 255, 255, 255, 255, 255, 127, 0]),
      },
      /TFM6101: .*model.safetensors.*header claims/,
    ],
    [
      "an index that leaves the folder",
      { "config.json": base, "model.safetensors.index.json": index("../../etc/passwd") },
      /TFM5042: .*names the file "..\/..\/etc\/passwd"/,
    ],
    [
      "an index of numbers",
      { "config.json": base, "model.safetensors.index.json": index(3) },
      /TFM5042: .*names the file 3/,
    ],
    [
      "an index of nothing",
      { "config.json": base, "model.safetensors.index.json": "{}" },
      /TFM5042: .*has no `weight_map`/,
    ],
  ])("%s", async (_, files, message) => {
    const { exit, err } = await importing(folder(files));
    expect(err).toMatch(message);
    expect(exit).toBe(1);
  });

  test("targets that are not there yet, and folders that no import wrote, are refused", async () => {
    expect(await tfmc("export", root, "--to", "onnx", "-o", root)).toMatchObject({
      exit: 2,
      err: expect.stringContaining("is not there yet"),
    });
    expect(await tfmc("export", root, "--to", "hf", "-o", root)).toMatchObject({
      exit: 1,
      err: expect.stringContaining("did not come from Hugging Face"),
    });
    const path = folder({ "notes.txt": "mine" });
    expect(await tfmc("import", reference("gpt2"), "-o", path)).toMatchObject({
      exit: 2,
      err: expect.stringContaining("is not empty"),
    });
  });
});
