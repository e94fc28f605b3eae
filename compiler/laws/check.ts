/**
 * A file → its laws, each with what came of it.
 *
 * ```
 * law one_group: attention(x, 4, kv_heads: 4) == attention(x, 4)      holds: t = 7, d = 12; t = 5, d = 8; …
 * ```
 */
import type { BuildOptions, SettingValue } from "../ir/build.js";
import type { LawDeclaration, Model } from "../parser/model.js";
import { readClaim } from "./claims.js";
import { checkEquality } from "./equality.js";
import { checkInvariance } from "./invariance.js";
import type { Place } from "./place.js";
import { lawsOf } from "./place.js";
import type { Outcome } from "./result.js";
import { applies, checkSettings } from "./settings.js";
import { checkSteps } from "./steps.js";

export interface LawOptions {
  readonly resolve: BuildOptions["resolve"];
  readonly seed?: number | undefined;
  /** Only the laws of this model, and the file's that speak of no other. */
  readonly entry?: string | undefined;
  readonly settings?: Readonly<Record<string, SettingValue>> | undefined;
}

export interface CheckedLaw extends Outcome {
  readonly name: string;
  /** The model that it speaks of, where it speaks of one. */
  readonly model: string | undefined;
  readonly law: LawDeclaration;
}

export function checkLaws(model: Model, options: LawOptions): readonly CheckedLaw[] {
  const { resolve, entry, settings = {}, seed = 0 } = options;
  return lawsOf(model, { resolve, entry, settings }).map(({ law, place }) => ({
    ...checkLaw(law, place, seed),
    name: law.name.text,
    model: place.model,
    law,
  }));
}

function checkLaw(law: LawDeclaration, place: Place, seed: number): Outcome {
  const claim = readClaim(law);
  if ("code" in claim) return { status: "refused", says: claim.message, diagnostics: [claim] };
  const condition = applies(law, place, claim.condition);
  if (condition === false) return { status: "holds", says: "its condition is false here", diagnostics: [] };
  if (condition !== true) return condition;
  switch (claim.kind) {
    case "settings":
      return checkSettings(law, place, claim.holds);
    case "equality":
      return checkEquality(law, place, [claim.left, claim.right], seed);
    case "invariance":
      return checkInvariance(law, place, claim, seed);
    case "steps":
      return checkSteps(law, place, seed);
    default:
      throw new Error(`internal: ${(claim satisfies never as { kind: string }).kind} is no claim`);
  }
}
