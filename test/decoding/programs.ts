/** A model's text → a Program that only generates: `forward`, `loss` and the entries of decoding, without the ones that train. */
import { emitProgram } from "../../compiler/codegen/program.js";
import type { Builder } from "../../compiler/ir/builder.js";
import { createBuilder } from "../../compiler/ir/builder.js";
import type { Built } from "../../compiler/ir/graph.js";
import type { Decoded } from "../../compiler/passes/decoding/graphs.js";
import { deriveDecoding } from "../../compiler/passes/decoding.js";
import { runPipeline } from "../../compiler/passes/pipeline.js";
import type { EntryName } from "../../compiler/passes/schedule.js";
import { schedule } from "../../compiler/passes/schedule.js";
import type { Program } from "../../runtime/program.js";
import type { Session } from "../../runtime/session.js";
import { createSession } from "../../runtime/session.js";
import { built } from "../build/support.js";
import { createDraw } from "../support/numbers.js";
import type { DeviceKind } from "../support/program-runs.js";
import { sharedDevice } from "../support/program-runs.js";

export interface Generating {
  readonly model: Built;
  readonly program: Program;
}

export function generating(text: string, chunk?: number): Generating {
  const b = createBuilder();
  const whole = built(text, { builder: b });
  const decoding = deriveDecoding(whole, b, { chunk });
  const model: Built = { ...whole, optimizer: undefined };
  return { model, program: emitDecoded(model, decoding, b) };
}

export function emitDecoded(model: Built, decoding: Decoded | undefined, b: Builder): Program {
  const steps = decoding && "step" in decoding ? decoding : undefined;
  const graphs = {
    forward: model.forward,
    loss: model.loss,
    encode: steps?.encode,
    step: steps?.step,
    reorder: steps?.reorder,
  };
  const kernels = Object.entries(graphs).flatMap(([name, graph]) =>
    graph
      ? [{ name: name as EntryName, graph: runPipeline(graph, { level: 2, builder: b, verify: true }) }]
      : [],
  );
  return emitProgram(schedule(kernels, model, steps), model, { compiler: "0", source: "0" }, decoding);
}

/** No bias is zero and no gain is one, so that nothing is left out unseen. */
export function weightsOf({ parameters }: Program, seed = 1): ReadonlyMap<string, Float32Array> {
  const draw = createDraw(seed);
  return new Map(
    parameters.map(({ name, shape }) => {
      const middle = name.endsWith("gain") ? 1 : 0;
      const count = shape.reduce((product, size) => product * size, 1);
      return [name, Float32Array.from({ length: count }, () => middle + 1.2 * (draw() - 0.5))];
    }),
  );
}

export async function openWith(
  program: Program,
  kind: DeviceKind,
  weights = weightsOf(program),
): Promise<Session> {
  const session = await createSession(program, await sharedDevice(kind), { entries: [] });
  session.writeParameters(weights);
  return session;
}
