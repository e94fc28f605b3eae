/**
 * A Program and `--device` → a Session with weights, and its end.
 */
import type { Device } from "../runtime/device.js";
import { openDevice } from "../runtime/device.js";
import type { EntryName } from "../runtime/inputs.js";
import type { Program } from "../runtime/program.js";
import type { Session } from "../runtime/session.js";
import { createSession } from "../runtime/session.js";
import type { Weights } from "../runtime/weights.js";
import type { Context } from "./context.js";
import { log } from "./context.js";

export interface OpenSession {
  readonly device: Device;
  readonly session: Session;
}

/** Opens what --device and TFMC_ADAPTER ask for, and closes it whatever happens. */
export async function withSession<T>(
  context: Context,
  program: Program,
  weights: Weights,
  entries: readonly EntryName[],
  use: (open: OpenSession) => Promise<T>,
): Promise<T> {
  const { options, host } = context;
  const device = await openDevice({ device: options.device, adapter: host.environment["TFMC_ADAPTER"] });
  if (options.verbose) log(context, `device: ${device.info.kind}, ${device.info.description}`);
  try {
    const session = await createSession(program, device, { entries });
    try {
      session.writeParameters(weights);
      return await use({ device, session });
    } finally {
      session.dispose();
    }
  } finally {
    device.dispose();
  }
}
