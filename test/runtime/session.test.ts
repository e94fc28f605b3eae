import { afterAll, describe, expect, test } from "vitest";
import type { Device } from "../../runtime/device.js";
import { openDevice } from "../../runtime/device.js";
import type { RuntimeError } from "../../runtime/errors.js";
import type { KernelFunction } from "../../runtime/index.js";
import type { Program } from "../../runtime/program.js";
import { createSession } from "../../runtime/session.js";
import { tensor } from "../../runtime/tensor.js";
import { initialise } from "../../runtime/weights.js";
import { features64, logits64, toy, vocabulary, width } from "./toy.js";

const opened = new Map<string, Promise<Device>>();
function device(kind: "cpu" | "webgpu"): Promise<Device> {
  const known = opened.get(kind) ?? openDevice({ device: kind });
  opened.set(kind, known);
  return known;
}
afterAll(async () => {
  for (const promise of opened.values()) (await promise).dispose();
});

const weights = initialise(toy, 7);
async function toySession(kind: "cpu" | "webgpu", program: Program = toy) {
  const session = await createSession(program, await device(kind));
  session.writeParameters(weights);
  return session;
}

const idsOf = (count: number, seed = 1): Int32Array =>
  Int32Array.from({ length: count }, (_, n) => (n * 5 + seed * 3) % vocabulary);

/** |a − b| ≤ 16 · 2⁻²⁴ · (1 + |b|): a handful of roundings on values near 1. */
function close(actual: ArrayLike<number>, wanted: readonly number[]): void {
  expect(actual.length).toBe(wanted.length);
  wanted.forEach((value, n) => {
    expect(Math.abs(actual[n]! - value)).toBeLessThanOrEqual(16 * 2 ** -24 * (1 + Math.abs(value)));
  });
}

async function failure(work: () => unknown): Promise<RuntimeError> {
  try {
    await work();
  } catch (error) {
    return error as RuntimeError;
  }
  throw new Error("nothing was thrown");
}

describe.each(["cpu", "webgpu"] as const)("session on %s", (kind) => {
  test("forward gives the numbers of the plain loops, with shapes", async () => {
    const session = await toySession(kind);
    const ids = idsOf(6);
    const outputs = await session.run(
      "forward",
      { tokens: tensor(ids, [2, 3]) },
      {},
      { read: ["logits", "x"] },
    );
    expect(outputs.logits!.shape).toEqual([2, 3, vocabulary]);
    expect(outputs.x!.shape).toEqual([2, 3, width]);
    close(outputs.x!, features64(ids, weights));
    close(outputs.logits!, logits64(ids, weights));
    session.dispose();
  });

  test("rebinding with other lengths keeps the parameters; going back gives the same bits", async () => {
    const session = await toySession(kind);
    const run = (batch: number, length: number) =>
      session.run(
        "forward",
        { tokens: tensor(idsOf(batch * length), [batch, length]) },
        {},
        { read: ["logits"] },
      );
    const first = await run(2, 3);
    for (let n = 1; n <= 12; n++) close((await run(n, 16)).logits!, logits64(idsOf(n * 16), weights));
    expect([...(await run(2, 3)).logits!]).toEqual([...first.logits!]);
    const kept = await session.readParameters();
    for (const [name, data] of weights) expect([...kept.get(name)!]).toEqual([...data]);
    session.dispose();
  });

  test("calls started together take turns", async () => {
    const session = await toySession(kind);
    const sizes = [1, 5, 2, 16, 3];
    const runs = sizes.map((t) => session.run("forward", { tokens: idsOf(t) }, {}, { read: ["logits"] }));
    (await Promise.all(runs)).forEach(({ logits }, n) => close(logits!, logits64(idsOf(sizes[n]!), weights)));
    session.dispose();
  });

  test("a call depends on nothing that the arena held", async () => {
    const session = await toySession(kind);
    const inputs = { tokens: tensor(idsOf(8), [2, 4]) };
    const clean = await session.run("forward", inputs, {}, { read: ["logits", "x"] });
    for (const word of [0x7fc00000, 0xffffffff, 0x3f800000]) {
      session.poison(word);
      const again = await session.run("forward", inputs, {}, { read: ["logits", "x"] });
      expect([...again.logits!]).toEqual([...clean.logits!]);
      expect([...again.x!]).toEqual([...clean.x!]);
    }
    session.dispose();
  });

  test("part of an output can be read alone", async () => {
    const session = await toySession(kind);
    const inputs = { tokens: idsOf(5) };
    const { logits } = await session.run("forward", inputs, {}, { read: ["logits"] });
    const part = { name: "logits", from: 4 * vocabulary, count: vocabulary };
    const last = await session.run("forward", inputs, {}, { read: [part] });
    expect([...last.logits!]).toEqual([...logits!].slice(4 * vocabulary));
    session.dispose();
  });

  test("an update changes parameters and state, and reaches its own slices only", async () => {
    const session = await toySession(kind);
    await session.run("train", { tokens: idsOf(4) }, { lr: 0.125 });
    const states = await session.readStates();
    expect([...states.get("sgd.m/layers.0.gain")!]).toEqual([1, 1, 1, 1]); // 0.5 · 0 + 1
    expect([...states.get("sgd.m/layers.1.gain")!]).toEqual([1.5, 1.5, 1.5, 1.5]); // initial 1
    const after = await session.readParameters();
    expect([...after.get("wte")!]).toEqual([...weights.get("wte")!]);
    close(
      after.get("layers.1.gain")!,
      [...weights.get("layers.1.gain")!].map((gain) => gain - 0.1875),
    );
    session.dispose();
  });

  test("scalars stay in a ring on the device until they are read", async () => {
    const session = await toySession(kind);
    const ring = session.createRing(["loss.sum", "loss.count"], 3);
    for (const row of [0, 1, 2])
      expect(await session.run("loss", { tokens: idsOf(4 + row) }, {}, { record: { ring, row } })).toEqual(
        {},
      );
    const rows = await session.readRing(ring);
    const wanted = [4, 5, 6].map((count) => {
      const next = [...idsOf(count).slice(1), -1];
      const x = features64(idsOf(count), weights).filter((_, n) => n % width === 0);
      return x.reduce((sum, value, n) => sum + (next[n]! > 0 ? value : 0), 0);
    });
    close(
      rows.map(([sum]) => sum!),
      wanted,
    );
    session.dispose();
  });

  test("time tells of every step", async () => {
    const session = await toySession(kind);
    const times = await session.time("forward", { tokens: idsOf(4) });
    expect(times).toHaveLength(4);
    expect(times.every((time) => time >= 0 && Number.isFinite(time))).toBe(true);
    session.dispose();
  });

  test("a kernel that does not compile is named, with what the compiler said", async () => {
    const kernels = toy.kernels.map((kernel) =>
      kernel.name === "unembed"
        ? {
            ...kernel,
            wgsl: { ...kernel.wgsl, code: kernel.wgsl.code.replace("var sum", "var") },
            javascript: { ...kernel.javascript, code: "(n, s => {" },
          }
        : kernel,
    );
    const error = await failure(() => toySession(kind, { ...toy, kernels }));
    expect(error.code).toBe("TFM6003");
    expect(error.message).toMatch(/`unembed` failed to compile: \S/);
    await toySession(kind).then((session) => session.dispose()); // the device is as good as before
  });

  test("lengths that do not fit are refused before anything is allocated, with those that would", async () => {
    const real = await device(kind);
    const limits = { ...real.limits, maxBindingSize: 4096, maxBufferSize: 16384 };
    const session = await createSession(toy, { ...real, limits });
    const before = session.bytes;
    const error = await failure(() => session.reserve("forward", { B: 64, T: 16 }));
    expect(error.code).toBe("TFM6002");
    expect(error.message).toMatch(/slot 6 .*32 KiB|slot \d+ .*needs/);
    expect(error.message).toMatch(/would fit with batch = 8 or t = 2/);
    expect(session.bytes).toEqual(before);
    await session.reserve("forward", { B: 8, T: 16 });
    session.dispose();
  });

  test("the arena spreads over several buffers where one cannot hold it", async () => {
    const real = await device(kind);
    const session = await createSession(toy, { ...real, limits: { ...real.limits, maxBufferSize: 4096 } });
    session.writeParameters(weights);
    const tokens = tensor(idsOf(128), [8, 16]);
    close(
      (await session.run("forward", { tokens }, {}, { read: ["logits"] })).logits!,
      logits64(idsOf(128), weights),
    );
    session.dispose();
  });

  test("more groups than a dimension allows come folded", async () => {
    const real = await device(kind);
    const folding = { ...real, limits: { ...real.limits, maxGroupsPerDimension: 3 } };
    const session = await createSession(toy, folding);
    session.writeParameters(weights);
    const tokens = tensor(idsOf(65), [5, 13]); // 520 logits in 9 groups: 3 rows; 260 features in 5: 2 rows of 3
    const { logits, x } = await session.run("forward", { tokens }, {}, { read: ["logits", "x"] });
    close(logits!, logits64(idsOf(65), weights));
    close(x!, features64(idsOf(65), weights));
    session.dispose();
  });

  test("after dispose everything says so", async () => {
    const session = await toySession(kind);
    session.dispose();
    session.dispose();
    expect((await failure(() => session.run("forward", { tokens: [[1]] }))).code).toBe("TFM6009");
    expect((await failure(() => session.readParameters())).code).toBe("TFM6009");
  });

  test("one binding of overlapping places is a fault of the compiler", async () => {
    const [embed, ...rest] = toy.entries.forward.steps;
    const twice = { ...rest[0]!, bindings: [rest[0]!.bindings[0]!, ...rest[0]!.bindings.slice(0, 3)] };
    const forward = { ...toy.entries.forward, steps: [embed!, twice] };
    const session = await toySession(kind, { ...toy, entries: { forward } });
    await expect(session.run("forward", { tokens: [[1]] })).rejects.toThrow(/internal: step layers.0/);
    session.dispose();
  });
});

describe("inputs", () => {
  const refused = async (inputs: Parameters<Awaited<ReturnType<typeof toySession>>["run"]>[1]) => {
    const session = await toySession("cpu");
    return failure(() => session.run("loss", inputs));
  };

  test.each([
    [
      "an id past the bound",
      {
        tokens: [
          [1, 2],
          [3, 8],
        ],
      },
      "TFM6004",
      /`tokens` holds 8 at \[1, 1\].*\[0, 8\)/,
    ],
    ["a negative id", { tokens: [[-1]] }, "TFM6004", /`tokens` holds -1 at \[0, 0\]/],
    ["a fraction", { tokens: [[1.5]] }, "TFM6004", /holds 1.5 .*whole numbers/],
    ["NaN", { tokens: [[Number.NaN]] }, "TFM6004", /holds NaN/],
    [
      "a next token past the vocabulary",
      { tokens: [[1]], "tokens.next": [[99]] },
      "TFM6004",
      /`tokens.next` holds 99/,
    ],
    [
      "a length past the maximum",
      { tokens: new Int32Array(17) },
      "TFM6005",
      /`t` is 17; the program holds at most 16/,
    ],
    ["an empty input", { tokens: new Int32Array(0) }, "TFM6005", /`t` is 0/],
    ["no batch", { tokens: { data: [], shape: [0, 1] } }, "TFM6005", /batch` is 0/],
    ["too few axes", { tokens: [1, 2] }, "TFM6005", /shape \[2\]; it must be \[batch = B, t = T\]/],
    ["ragged rows", { tokens: [[1, 2], [3]] }, "TFM6005", /rows of input `tokens` differ/],
    [
      "lengths that differ",
      { tokens: [[1, 2]], "tokens.next": [[1]] },
      "TFM6005",
      /`tokens.next` has the shape \[1, 1\]/,
    ],
    [
      "data that does not fill its shape",
      { tokens: { data: [1], shape: [1, 2] } },
      "TFM6005",
      /shape \[1, 2\]/,
    ],
    ["an unknown input", { tokns: [[1]] }, "TFM6005", /no input `tokns`.*`tokens`/],
    ["nothing", {}, "TFM6005", /`tokens` is missing/],
  ] as const)("%s is refused", async (_, inputs, code, message) => {
    const error = await refused(inputs);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  test("unknown outputs and entries are named with what there is", async () => {
    const session = await toySession("cpu");
    const output = await failure(() => session.run("forward", { tokens: [[1]] }, {}, { read: ["logit"] }));
    expect(output.message).toMatch(/no output `logit`; it has `logits`, `x`. Did you mean `logits`/);
    const entry = await failure(() => session.run("grad", { tokens: [[1]] }));
    expect([output.code, entry.code]).toEqual(["TFM6007", "TFM6007"]);
  });

  test("next tokens are the tokens moved by one unless they are given", async () => {
    const session = await toySession("cpu");
    const read = ["loss.sum", "loss.count"];
    const tokens = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const implied = await session.run("loss", { tokens }, {}, { read });
    const next = [
      [2, 3, -1],
      [5, 6, -1],
    ];
    expect(await session.run("loss", { tokens, "tokens.next": next }, {}, { read })).toEqual(implied);
    expect(implied["loss.count"]![0]).toBe(4);
  });
});

test("kernels given as functions need no text to be evaluated", async () => {
  const kernels = toy.kernels.map(
    ({ javascript }) => new Function(`return ${javascript.code}`)() as KernelFunction,
  );
  const textless = {
    ...toy,
    kernels: toy.kernels.map((k) => ({ ...k, javascript: { ...k.javascript, code: "no text" } })),
  };
  const session = await createSession(textless, await device("cpu"), { kernels });
  session.writeParameters(weights);
  const { logits } = await session.run("forward", { tokens: idsOf(3) }, {}, { read: ["logits"] });
  close(logits!, logits64(idsOf(3), weights));
});

test("auto is a hardware adapter or the CPU, never a software adapter", async () => {
  const auto = await openDevice({ device: "auto" });
  expect(auto.info.kind === "cpu" || !auto.info.software).toBe(true);
  auto.dispose();
});

test("a command that the GPU refuses is a fault of the compiler, told at the next reading", async () => {
  const [embed] = toy.entries.forward.steps;
  const short = { ...embed!, bindings: embed!.bindings.slice(0, 2) };
  const steps = [short, ...toy.entries.forward.steps.slice(1)];
  const doomed = await openDevice({ device: "webgpu" });
  const session = await createSession(
    { ...toy, entries: { forward: { ...toy.entries.forward, steps } } },
    doomed,
  );
  const error = await failure(() => session.run("forward", { tokens: [[1]] }, {}, { read: ["logits"] }));
  expect(error.message).toMatch(/^internal: the GPU refused a command: [\s\S]*"wte"/);
  doomed.dispose();
});

test("an adapter that is not there is TFM6001 with what to do", async () => {
  const error = await failure(() => openDevice({ device: "webgpu", adapter: "no such adapter" }));
  expect(error.code).toBe("TFM6001");
  expect(error.message).toMatch(/no such adapter.*There is `.*cpu/);
});

test("a lost device is a clear error", async () => {
  const doomed = await openDevice({ device: "webgpu" });
  const session = await createSession(toy, doomed);
  doomed.dispose();
  expect((await failure(() => session.run("forward", { tokens: [[1]] }))).code).toBe("TFM6009");
});
