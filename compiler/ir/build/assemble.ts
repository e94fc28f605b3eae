/**
 * What the elaborations collected → Built: graphs, parameters under their names, inputs, lengths, recipe.
 *
 * ```
 * leaf layers.*.mlp.w1 [layer=2, 64, 256]   →   layers.0.mlp.w1 (turn 0), layers.1.mlp.w1 (turn 1)
 * ```
 */
import { diagnostic } from "../../diagnostics.js";
import type { ModelDeclaration } from "../../parser/model.js";
import type { Elaboration } from "../build.js";
import type { Built, Graph, Node, Output, ParameterInfo } from "../graph.js";
import { finalLengths } from "./lengths.js";
import { combineLosses } from "./losses.js";
import { distinctNorms } from "./norms.js";
import { MAX_PARAMETERS } from "./parameters.js";
import type { ParameterRecord } from "./paths.js";
import { reachable } from "./region.js";
import type { Stack } from "./session.js";
import { pushDiagnostic } from "./session.js";
import type { Training } from "./train.js";

export function assemble(
  entry: ModelDeclaration,
  plain: Elaboration,
  training: Elaboration | undefined,
  { recipe, optimizer }: Training,
): Built | undefined {
  const name = entry.name.text;
  const evaluation = lossGraph(name, plain);
  const loss = training ? lossGraph(name, training) : evaluation;
  const forward = forwardGraph(name, plain);
  if (forward.outputs.length === 0 && !loss) {
    pushDiagnostic(
      plain.session.diagnostics,
      diagnostic(
        "TFM2007",
        entry.name.span,
        `\`${name}\` has no output and no loss: nothing of it has an effect.`,
        { hint: "Write `output name = …`." },
      ),
    );
    return undefined;
  }
  const parameters = listParameters(plain);
  if (!checkParameters(plain, parameters, [forward, evaluation, loss])) return undefined;
  const core = {
    name,
    forward,
    loss,
    optimizer: loss ? optimizer : undefined,
    probes: plain.frame.emissions.filter(({ kind }) => kind === "probe").map((e) => e.name),
    inputs: (training ?? plain).session.inputs,
    parameters: parameters.map(({ info }) => info),
    lengths: finalLengths(plain.session, MAX_BATCH),
    recipe,
  };
  return training && evaluation ? { ...core, evaluation } : core;
}

/** What a batch may grow to; memory is the tighter bound. */
const MAX_BATCH = 65536;

function forwardGraph(name: string, { frame }: Elaboration): Graph {
  const leaving = frame.emissions.filter(({ kind }) => kind !== "loss");
  const outputs = leaving.map((e): Output => ({ name: e.name, node: e.nodes[0]! }));
  return { name, outputs: distinctNorms(outputs) };
}

function lossGraph(name: string, { env, frame }: Elaboration): Graph | undefined {
  const losses = frame.emissions.filter(({ kind }) => kind === "loss");
  const total = combineLosses(env, losses);
  return (
    total && {
      name,
      outputs: [
        { name: "loss.sum", node: total.sum },
        { name: "loss.count", node: total.count },
      ],
    }
  );
}

interface Listed {
  readonly info: ParameterInfo;
  readonly record: ParameterRecord;
  readonly node: Node;
  /** Sorted as a reader of the file meets them: loops turn by turn. */
  readonly place: readonly [number, number, number];
}

function listParameters({ frame, session }: Elaboration): readonly Listed[] {
  const plain = [...frame.parameters.values()].map((record) =>
    listed(record, record.path, record.path, undefined, record.node, [record.order, 0, 0]),
  );
  const starts = new Map<string, number>();
  for (const { base, record } of session.stacks)
    starts.set(base, Math.min(starts.get(base) ?? Infinity, record.order));
  const stacked = session.stacks.flatMap((stack) => turnsOf(stack, starts.get(stack.base)!));
  return [...plain, ...stacked].sort(
    (a, b) => a.place[0] - b.place[0] || a.place[1] - b.place[1] || a.place[2] - b.place[2],
  );
}

const turnsOf = ({ record, base, first, count, leaf, node }: Stack, start: number): readonly Listed[] =>
  Array.from({ length: count }, (_, n) => {
    const turn = first + n;
    return listed(record, record.path.replace(`${base}.*`, `${base}.${turn}`), leaf, n, node, [
      start,
      turn,
      record.order,
    ]);
  });

function listed(
  record: ParameterRecord,
  name: string,
  leaf: string,
  turn: number | undefined,
  node: Node,
  place: Listed["place"],
): Listed {
  const { shape, init, frozen, decay } = record;
  return { info: { name, shape, init, frozen, decay, leaf, turn }, record, node, place };
}

/** Every parameter has an effect on some output, and all together are not too many. */
function checkParameters(
  { session }: Elaboration,
  all: readonly Listed[],
  graphs: readonly (Graph | undefined)[],
): boolean {
  const used = reachable(graphs.flatMap((graph) => graph?.outputs.map(({ node }) => node) ?? []));
  const before = session.diagnostics.length;
  for (const { info, record, node } of all) {
    if (used.has(node) || record.path.split(".").at(-1)!.startsWith("_")) continue;
    pushDiagnostic(
      session.diagnostics,
      diagnostic("TFM2007", record.span, `The parameter \`${info.name}\` is never used.`, {
        hint: "Use it, or remove it: it would be stored and never trained.",
      }),
    );
  }
  const count = all.reduce(
    (sum, { info }) => sum + info.shape.reduce((product, { size }) => product * (size as number), 1),
    0,
  );
  if (count > MAX_PARAMETERS)
    pushDiagnostic(
      session.diagnostics,
      diagnostic(
        "TFM4001",
        all[0]!.record.span,
        `The model would have ${count} parameters; the limit is ${MAX_PARAMETERS}.`,
      ),
    );
  return session.diagnostics.length === before;
}
