/**
 * The engine of one expansion: the builder's own rules for compile-time values, in a session that builds nothing.
 */

import { evaluateAny } from "../build/evaluate.js";
import { isLibraryFile } from "../build/library.js";
import { createFrame, rootPath } from "../build/paths.js";
import { noRenames } from "../build/renames.js";
import { createScope } from "../build/scope.js";
import type { Env, Session } from "../build/session.js";
import { executeStatement } from "../build/statements.js";
import { createBuilder } from "../builder.js";
import { callKnown } from "./calls.js";
import type { Engine, Policy } from "./engine.js";

export function createEngine(choices: ReadonlySet<string>, policy: Policy): Engine {
  const frame = createFrame(0, undefined);
  const session: Session = {
    builder: createBuilder(),
    meaning: { expression: evaluateAny, statement: executeStatement },
    diagnostics: [],
    training: false,
    asked: { training: false },
    lengths: new Map(),
    maxima: new Map(),
    assumed: new Map(),
    inputs: [],
    renames: noRenames(),
    isLibrary: isLibraryFile,
    choices,
    counters: { regions: 0, written: 0, parameters: 0, calls: 0 },
    stacks: [],
    norms: false,
  };
  const env: Env = {
    session,
    scope: createScope(undefined, "block"),
    path: rootPath(frame),
    region: frame,
    turn: undefined,
    index: undefined,
    calls: [],
    place: "model",
    states: undefined,
  };
  return { env, choices, policy, counter: { frames: 0, hoisted: 0 }, calls: [], call: callKnown };
}
