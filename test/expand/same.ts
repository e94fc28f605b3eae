/** A model and its expansion, as they build. */
import { expect } from "vitest";
import type { Expanded } from "../../compiler/index.js";
import { buildSource, compile, expand, format } from "../../compiler/index.js";
import type { SettingValue } from "../../compiler/ir/build.js";
import type { Built } from "../../compiler/ir/graph.js";
import { printGraph } from "../../compiler/ir/text.js";
import type { Model } from "../../compiler/parser/model.js";
import { readTfm } from "../../compiler/parser/read-tfm.js";

export interface Options {
  readonly entry?: string;
  readonly settings?: Readonly<Record<string, SettingValue>>;
  readonly files?: Readonly<Record<string, string>>;
}

const resolveIn =
  (files: Readonly<Record<string, string>> = {}) =>
  (path: string): Model | undefined =>
    files[path] === undefined ? undefined : readTfm(files[path], path).model;

/** Everything that a build says but the model's name. */
export function meaning(text: string, { files, ...options }: Options = {}): unknown {
  const { built, diagnostics } = buildSource(text, { ...options, resolve: resolveIn(files) });
  if (!built) throw new Error(`${diagnostics.map((d) => `${d.code} ${d.message}`).join("\n")}\n${text}`);
  return meaningOf(built);
}

function meaningOf({ name: _, forward, loss, evaluation, optimizer, ...rest }: Built): unknown {
  const graphs = [forward, loss, evaluation].map((g) => g && printGraph({ ...g, name: "m" }));
  return { graphs, optimizer: optimizer && [optimizer.name, optimizer.states], ...rest };
}

export const builds = (text: string, { files, ...options }: Options = {}): boolean =>
  buildSource(text, { ...options, resolve: resolveIn(files) }).built !== undefined;

/** The Program but for where it comes from. */
export function programOf(text: string, { files, ...options }: Options = {}): unknown {
  const { program, diagnostics } = compile(text, { ...options, resolve: resolveIn(files) });
  if (!program) throw new Error(diagnostics.map((d) => d.message).join("\n"));
  const { source: _, name: __, ...rest } = program;
  return rest;
}

export function down(text: string, { files, entry }: Options = {}): Expanded {
  const { expanded, diagnostics } = expand(text, { entry, resolve: resolveIn(files) });
  if (!expanded) throw new Error(diagnostics.map((d) => d.message).join("\n"));
  return expanded;
}

/** Every level below a source builds to the same, is canonical, and the last one uses nothing of the library. */
export function checkLevels(text: string, options: Options = {}): readonly string[] {
  const levels: string[] = [];
  const wanted = meaning(text, options);
  for (let at = text, given = options; ; given = {}) {
    const { text: next, lowest } = down(at, given);
    if (lowest) return levels;
    expect(levels.length, next).toBeLessThan(2);
    expect(format(next).text, next).toBe(next);
    expect(meaning(next), next).toEqual(wanted);
    levels.push(next);
    at = next;
  }
}
