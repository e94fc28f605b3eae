/**
 * Program on a device, graphs in the interpreter → whether both compute the same, within what rounding to f32 explains.
 */
import type { Diagnostic } from "../../compiler/diagnostics.js";
import { diagnostic } from "../../compiler/diagnostics.js";
import { differenceOf, differenceText } from "../../compiler/laws/difference.js";
import type { EntryReference } from "../../compiler/laws/passes.js";
import { referenceOf, startReference } from "../../compiler/laws/passes.js";
import { sizesText } from "../../compiler/laws/result.js";
import { unstacked } from "../../compiler/laws/unstack.js";
import type { Values } from "../../compiler/laws/values.js";
import type { Prepared } from "../../compiler/laws/verify.js";
import type { Program } from "../../runtime/program.js";
import type { Session } from "../../runtime/session.js";
import type { Tensor } from "../../runtime/tensor.js";
import type { Context } from "../context.js";
import { withSession } from "../session.js";

export interface OnDevice {
  readonly name: string;
  readonly device: string;
  /** What agrees. */
  readonly entries: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** `train` comes last: it changes the parameters. */
const ENTRIES = ["forward", "loss", "grad", "train"] as const;
type EntryName = (typeof ENTRIES)[number];

export async function compareOnDevice(
  context: Context,
  prepared: Prepared,
  program: Program,
  seed: number,
): Promise<OnDevice> {
  const { built, entries, told, lengths } = prepared;
  const wanted = ENTRIES.filter((entry) => entries[entry] && program.entries[entry]);
  return withSession(context, program, new Map(), wanted, async ({ session, device }) => {
    const agreed: string[] = [];
    const start = startReference(built, { lengths, seed });
    session.writeParameters(floats(start.parameters));
    for (const entry of wanted) {
      const reference = referenceOf(start, entries[entry]!, told[entry]!);
      const found = unstacked(await valuesOf(session, entry, reference), built);
      const difference = differenceOf(reference.exact, found, reference.bounds);
      if (difference)
        return {
          name: prepared.name,
          device: device.info.kind,
          entries: agreed,
          diagnostics: [
            diagnostic(
              "TFM7007",
              prepared.span,
              `On ${device.info.kind} \`${entry}\` computes something else: ${differenceText(difference, ["in the interpreter", "there"])}; rounding explains ${difference.bound.toExponential(1)}.`,
              { hint: `Lengths ${sizesText(lengths)}; seed ${seed}; device ${device.info.description}.` },
            ),
          ],
        };
      agreed.push(entry);
    }
    return { name: prepared.name, device: device.info.kind, entries: agreed, diagnostics: [] };
  });
}

async function valuesOf(session: Session, entry: EntryName, reference: EntryReference): Promise<Values> {
  const { program } = session;
  if (entry === "train") session.writeStates(statesOf(program, reference.states));
  const read = program.entries[entry]!.outputs.map(({ name }) => name);
  const asked = program.entries[entry]!.inputs;
  const inputs = Object.fromEntries(
    Object.entries(reference.inputs).flatMap(([name, { sizes, data }]) =>
      asked.includes(name) ? [[name, { data: Array.from(data as Float64Array), shape: sizes }]] : [],
    ),
  );
  const outputs = await session.run(entry, inputs, reference.scalars, { read });
  const values = Object.fromEntries(Object.entries(outputs).map(([name, x]) => [name, tensorIn(x)]));
  if (entry !== "train") return values;
  for (const [name, x] of await session.readParameters()) values[`parameter.${name}`] = tensorIn(x);
  for (const [name, x] of await session.readStates()) values[`state.${shortName(name)}`] = tensorIn(x);
  return values;
}

const tensorIn = (x: Tensor) => ({ sizes: x.shape, data: Float64Array.from(x) });
const floats = (values: Values): ReadonlyMap<string, Float32Array> =>
  new Map(Object.entries(values).map(([name, { data }]) => [name, Float32Array.from(data as Float64Array)]));

/** `adamw.m/wte.table` → `m/wte.table`. */
const shortName = (name: string): string => name.slice(name.indexOf(".") + 1);

const statesOf = (program: Program, states: Values): ReadonlyMap<string, Float32Array> =>
  new Map(
    program.states.flatMap(({ name }) => {
      const value = states[shortName(name)];
      return value ? [[name, Float32Array.from(value.data as Float64Array)] as const] : [];
    }),
  );
