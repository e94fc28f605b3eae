/**
 * `input … as …`: what callers call inputs, where it is not what the model calls them.
 *
 * ```
 * input tokens as input_ids             tokens  → input "input_ids"
 * input next(tokens) as labels          next(tokens)  → input "labels", which stands in the place of "input_ids.next"
 * ```
 */
import { diagnostic } from "../../diagnostics.js";
import type { RenameStatement, Span } from "../../parser/model.js";
import { renamed } from "../../parser/rename-text.js";
import type { DerivedInput } from "../graph.js";
import type { Derivation } from "./derive.js";
import { configBody } from "./derive.js";
import type { Env, Session } from "./session.js";
import { fail, pushDiagnostic, suggest } from "./session.js";

export interface Renames {
  /** By what is renamed, as it is written: `tokens`, `valid(tokens)`. */
  readonly statements: ReadonlyMap<string, RenameStatement>;
  /** All that stand where they may, those that a later model changes too. */
  readonly placed: ReadonlySet<RenameStatement>;
  /** Name outside → what it is inside. */
  readonly inside: Map<string, string>;
}

export const noRenames = (): Renames => ({
  statements: new Map(),
  placed: new Set(),
  inside: new Map(),
});

/** Those of the model that has the inputs and of what is based on it; of equal ones the last. */
export function renamesOf({ root, layers }: Derivation): Renames {
  const bodies = [root, ...layers].map(({ declaration }) =>
    firstOfEach(configBody(declaration.body).renames),
  );
  const all = bodies.flat();
  return { ...noRenames(), statements: new Map(all.map((s) => [renamed(s), s])), placed: new Set(all) };
}

const firstOfEach = (all: readonly RenameStatement[]): readonly RenameStatement[] =>
  all.filter((s, n) => all.findIndex((other) => renamed(other) === renamed(s)) === n);

/** The name outside of an input declared as `name`, or of what is derived of the input that is called `name` outside. */
export function outsideName(env: Env, name: string, span: Span, how?: DerivedInput["how"]): string {
  const { statements, inside } = env.session.renames;
  const key = how === undefined ? name : `${how}(${inside.get(name) ?? name})`;
  const statement = statements.get(key);
  const outside = statement?.name.text ?? (how === undefined ? name : `${name}.${how}`);
  const other = inside.get(outside);
  if (other !== undefined && other !== key)
    fail(
      env,
      "TFM2004",
      statement?.name.span ?? span,
      `Two inputs are called \`${outside}\`: \`${other}\` and \`${key}\`.`,
    );
  inside.set(outside, key);
  return outside;
}

/** As a statement it does nothing: names are given where inputs are made. */
export function checkRename(env: Env, s: RenameStatement): void {
  const { placed, statements } = env.session.renames;
  if (placed.has(s)) return;
  if (env.place === "model" && statements.has(renamed(s)))
    fail(env, "TFM2004", s.span, `\`${renamed(s)}\` has a name outside already.`);
  fail(
    env,
    "TFM2006",
    s.span,
    "Inputs are renamed in the model itself, outside of blocks, `repeat` and `if`.",
  );
}

/** Whatever is renamed is there. */
export function checkRenames({ renames, diagnostics }: Session): void {
  if (diagnostics.some(({ severity }) => severity === "error")) return;
  const there = [...renames.inside.values()];
  for (const [key, { input, derived }] of renames.statements) {
    if (there.includes(key)) continue;
    const message = there.includes(input.text)
      ? `The model does not use \`${key}\`, so it has no such input.`
      : `The model has no input \`${input.text}\`.`;
    const known = there.includes(input.text) ? {} : suggest(input.text, there, input.span);
    const span = there.includes(input.text) ? (derived ?? input).span : input.span;
    pushDiagnostic(
      diagnostics,
      diagnostic("TFM2001", span, message, {
        hint: `Its inputs are ${there.join(", ") || "none"}.`,
        ...known,
      }),
    );
  }
}
