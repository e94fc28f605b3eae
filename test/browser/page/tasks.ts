/** What the tests ask of the page, by name; arguments and results are plain data. */
import type { Inputs } from "../../../runtime/index.js";
import type { Journey, ModelClass, Outcome } from "./journey.js";
import { equal, journey, train } from "./journey.js";

/** Where a module lies, and the class that it exports. */
export interface Place {
  readonly module: string;
  readonly name: string;
}

const classAt = async ({ module, name }: Place): Promise<ModelClass> =>
  ((await import(module)) as Readonly<Record<string, ModelClass>>)[name]!;

/** By the page's import map. */
const runtime = (): Promise<typeof import("../../../runtime/index.js")> => {
  const specifier: string = "tfmc/runtime";
  return import(specifier);
};

export const tasks = {
  journey: async (given: Place & Journey): Promise<Outcome> => journey(await classAt(given), given),

  /** The same in a module worker. */
  worker: (given: Place & Journey): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      const worker = new Worker("/page/worker.js", { type: "module" });
      worker.onmessage = ({ data }) => {
        worker.terminate();
        if (typeof data === "string") reject(new Error(data));
        else resolve(data);
      };
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(given);
    }),

  /** Two models that train at the same time, each on a device of its own or both on one, and one that trains alone. */
  two: async (given: Place & Journey & { readonly shared: boolean }): Promise<boolean> => {
    const module = await classAt(given);
    const device = given.shared ? await (await runtime()).openDevice({ device: given.device }) : given.device;
    const open = () => module.load(given.weights, { device });
    const [first, second] = await Promise.all([open(), open()]);
    const together = await Promise.all([train(first, given), train(second, given)]);
    second.dispose();
    await first.forward({ tokens: given.tokens });
    first.dispose();
    const third = await open();
    const alone = await train(third, given);
    third.dispose();
    if (typeof device === "object") device.dispose();
    return together.every((losses) => equal(losses, alone));
  },

  /** What is told while weights arrive, and what is thrown where they do not. */
  loading: async ({ weights, ...place }: Place & { readonly weights: string }) => {
    const module = await classAt(place);
    const progress: (readonly [number, number | undefined])[] = [];
    const onProgress = (loaded: number, total: number | undefined) => progress.push([loaded, total]);
    const model = await module.load(weights, { device: "cpu", onProgress });
    const abort = new AbortController();
    abort.abort(new Error("enough"));
    const texts: string[] = [];
    const generating = model.generate([1], { signal: abort.signal }).next();
    texts.push(await generating.then(String, String));
    texts.push(await module.load(weights, { device: "cpu", signal: abort.signal }).then(String, String));
    texts.push(await module.load("/nowhere.safetensors", { device: "cpu" }).then(String, String));
    model.dispose();
    return { progress, texts };
  },

  /** The device that a wish is answered with, or the refusal. */
  device: async ({ wish, ...place }: Place & { readonly wish: "auto" | "webgpu" }): Promise<string> => {
    const module = await classAt(place);
    try {
      const model = await module.load({ seed: 1 }, { device: wish });
      const { kind } = model.session.device.info;
      model.dispose();
      return kind;
    } catch (error) {
      return String(error);
    }
  },

  forward: async ({
    inputs,
    device,
    ...place
  }: Place & { readonly inputs: Inputs; readonly device: "cpu" | "webgpu" }): Promise<readonly number[]> => {
    const model = await (await classAt(place)).load({ seed: 1 }, { device });
    const { logits } = await model.forward(inputs);
    model.dispose();
    return Array.from(logits!);
  },

  /** Opens a model, says so in the title, and tells what the first call after the loss of the GPU throws. */
  lost: async ({ tokens, ...place }: Place & Pick<Journey, "tokens">): Promise<string> => {
    const model = await (await classAt(place)).load({ seed: 1 }, { device: "webgpu" });
    const forward = (): Promise<string> => model.forward({ tokens }).then(forward, String);
    await model.forward({ tokens });
    document.title = "open";
    return forward();
  },
};

export type Tasks = typeof tasks;

/** In a task of its own: what a debugger evaluates is exempt from the page's policy. */
Object.assign(globalThis, {
  runTask: (name: keyof Tasks, given: never) =>
    new Promise((resolve, reject) => {
      setTimeout(() => (tasks[name](given) as Promise<unknown>).then(resolve, reject), 0);
    }),
});
