/**
 * An expanded model → its text, with a line of air where a person leaves one.
 *
 * ```
 * model m(layers = 2) {
 *   input tokens[t <= 8] : int(256)
 *                                          ← before what follows the inputs, and before `train`
 *   use wte = embedding(256, 32)
 * ```
 */
import { formatModel } from "../../parser/format.js";
import type { Model, ModelDeclaration, Span, Statement, Trivia } from "../../parser/model.js";
import { readTfm } from "../../parser/read-tfm.js";

export function expandedText(model: Model): string {
  const text = formatModel(model);
  const { model: placed, diagnostics } = readTfm(text, model.file);
  if (diagnostics.length > 0)
    throw new Error(`internal: an expansion does not parse: ${diagnostics[0]!.message}`);
  const models = placed.declarations.filter((d) => d.kind === "model");
  return formatModel({
    ...placed,
    trivia: [...(placed.trivia ?? []), ...models.flatMap(airOf)].sort(byPlace),
  });
}

const byPlace = (a: Trivia, b: Trivia): number => a.span.start - b.span.start;

function airOf({ body }: ModelDeclaration): readonly Trivia[] {
  const before = body.filter(
    (s, n) => n > 0 && (s.kind === "train" || (isInput(body[n - 1]!) && !isInput(s))),
  );
  return before.map(({ span }) => ({ kind: "blank", span: justBefore(span) }));
}

const isInput = ({ kind }: Statement): boolean => kind === "input" || kind === "rename";

const justBefore = ({ file, start }: Span): Span => ({ file, start: start - 1, end: start });
