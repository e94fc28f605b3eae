/**
 * Tokens per second of generation by steps against generation by whole passes, of one model on one device in one run: the two take
 * turns, and the medians are compared. Run with `npx vite-node bench/decode.ts -- [cpu|webgpu] [layers] [d_model] [tokens]`.
 */
import { compile } from "../compiler/index.js";
import { openDevice } from "../runtime/device.js";
import { generate } from "../runtime/generate.js";
import type { Program } from "../runtime/program.js";
import type { Session } from "../runtime/session.js";
import { createSession } from "../runtime/session.js";
import { initialise } from "../runtime/weights.js";

const [kind = "cpu", layers = "2", width = "64", count = "96"] = process.argv
  .slice(2)
  .filter((word) => word !== "--");
const tokens = Number(count);
const prompt = 16;
const rounds = 5;

const source = `model m : decoder {
  vocab = 256; context = ${tokens + prompt}; d_model = ${width}; layers = ${layers}; heads = 4; position = rope
}`;
const { program, diagnostics } = compile(source);
if (!program) throw new Error(diagnostics.map(({ message }) => message).join("\n"));

const device = await openDevice({ device: kind === "webgpu" ? "webgpu" : "cpu" });
const open = async (of: Program): Promise<Session> => {
  const session = await createSession(of, device, { entries: [] });
  session.writeParameters(initialise(of, 1));
  return session;
};

/** Tokens per second; without the prompt's pass, which both need. */
async function rate(session: Session): Promise<number> {
  const start = { at: 0, tokens: 0 };
  const ids = Array.from({ length: prompt }, (_, n) => n);
  for await (const _ of generate(session, ids, { maxNewTokens: tokens, temperature: 0 })) {
    if (start.tokens++ === 0) start.at = performance.now();
  }
  return ((start.tokens - 1) * 1000) / (performance.now() - start.at);
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

const sessions = { steps: await open(program), whole: await open({ ...program, decoding: null }) };
for (const session of Object.values(sessions)) await rate(session); // compiles and plans
const rates = { steps: [] as number[], whole: [] as number[] };
for (let round = 0; round < rounds; round++) {
  rates.steps.push(await rate(sessions.steps));
  rates.whole.push(await rate(sessions.whole));
}
const [steps, whole] = [median(rates.steps), median(rates.whole)];
console.log(
  `${device.info.kind}, ${device.info.description}: ${layers} layers of ${width}, ${tokens} tokens after ${prompt}`,
);
console.log(`by steps        ${steps.toFixed(1)} tokens/s`);
console.log(`by whole passes ${whole.toFixed(1)} tokens/s`);
console.log(`ratio           ${(steps / whole).toFixed(1)} (medians of ${rounds} rounds that take turns)`);
for (const session of Object.values(sessions)) session.dispose();
device.dispose();
