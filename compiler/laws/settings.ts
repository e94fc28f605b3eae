/**
 * `params == …`: a condition on a model's parameters and how many numbers they come to.
 *
 * ```
 * law gpt2: params == 124439808      fails: params is 124439809, the right side 124439808
 * ```
 */

import type { Value } from "../ir/build/values.js";
import { describe } from "../ir/build/values.js";
import { build, settingsValue } from "../ir/build.js";
import type { Expression, LawDeclaration } from "../parser/model.js";
import type { Place } from "./place.js";
import type { Outcome } from "./result.js";
import { failing, holds, refusing } from "./result.js";

export function checkSettings(law: LawDeclaration, place: Place, x: Expression): Outcome {
  if (place.model === undefined) return noModel(law);
  const { file, resolve, settings } = place;
  const options = { entry: place.model, settings, resolve };
  const { built, diagnostics } = build(file, options);
  if (!built) return { status: "refused", says: "the model has errors", diagnostics };
  const params = built.parameters.reduce(
    (sum, { shape }) => sum + shape.reduce((count, { size }) => count * (size as number), 1),
    0,
  );
  const evaluated = (part: Expression): Value | undefined =>
    settingsValue(file, options, part, { params }).value;
  const answer = settingsValue(file, options, x, { params });
  if (answer.value?.kind !== "boolean")
    return answer.value
      ? noTruth(law, answer.value)
      : { status: "refused", says: "", diagnostics: answer.diagnostics };
  if (answer.value.value) return holds(`params = ${params}`);
  const sides = x.kind === "binary" ? [x.left, x.right].map((side) => textOf(evaluated(side))) : [];
  const [left, right] = sides;
  const values =
    sides.length === 2 ? `the left side is ${left} and the right side ${right}` : `params is ${params}`;
  return failing("TFM7001", law.claim.span, `The law \`${law.name.text}\` does not hold: ${values}.`, {
    hint: `\`${place.model}\` has ${params} parameters.`,
  });
}

/** Whether a law speaks of these settings at all. */
export function applies(
  law: LawDeclaration,
  place: Place,
  condition: Expression | undefined,
): boolean | Outcome {
  if (!condition) return true;
  if (place.model === undefined) return noModel(law);
  const { file, resolve, settings, model } = place;
  const { value, diagnostics } = settingsValue(file, { entry: model, settings, resolve }, condition);
  if (!value) return { status: "refused", says: "", diagnostics };
  return value.kind === "boolean" ? value.value : noTruth(law, value);
}

export const noModel = (law: LawDeclaration): Outcome =>
  refusing(
    "TFM7002",
    law.claim.span,
    `The law \`${law.name.text}\` speaks of a model, and the file has none.`,
  );

const noTruth = (law: LawDeclaration, value: Value): Outcome =>
  refusing("TFM7002", law.claim.span, `A law holds or not, and this is ${describe(value)}.`, {
    hint: "Write a comparison: `params == 124439808`.",
  });

const textOf = (value: Value | undefined): string =>
  value?.kind === "number" ? String(value.value) : value ? describe(value) : "nothing";
