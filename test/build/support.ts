/** Text → Built or rendered diagnostics, and numbers through the interpreter. */

import { renderDiagnostic } from "../../compiler/diagnostics.js";
import type { BuildOptions } from "../../compiler/ir/build.js";
import { build, librarySourceFiles } from "../../compiler/ir/build.js";
import type { Built } from "../../compiler/ir/graph.js";
import { interpret } from "../../compiler/ir/interpret.js";
import { f64 } from "../../compiler/ir/numbers/f64.js";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import type { Model } from "../../compiler/parser/model.js";
import { readTfm } from "../../compiler/parser/read-tfm.js";

export const read = (text: string, file = "m.tfm"): Model => {
  const { model, diagnostics } = readTfm(text, file);
  if (diagnostics.length > 0)
    throw new Error(
      diagnostics.map((d) => renderDiagnostic(d, new Map([[file, text]]), { color: false })).join("\n"),
    );
  return model;
};

type Options = Partial<BuildOptions> & { readonly files?: Readonly<Record<string, string>> };

export function diagnose(text: string, { files = {}, ...options }: Options = {}) {
  const sources = new Map([...librarySourceFiles(), ["m.tfm", text], ...Object.entries(files)]);
  const resolve = (path: string): Model | undefined =>
    files[path] === undefined ? undefined : read(files[path], path);
  const result = build(read(text), { resolve, ...options });
  const rendered = result.diagnostics.map((d) => renderDiagnostic(d, sources, { color: false }));
  return { ...result, rendered, codes: result.diagnostics.map(({ code }) => code) };
}

export function built(text: string, options: Options = {}): Built {
  const result = diagnose(text, options);
  if (!result.built) throw new Error(result.rendered.join("\n"));
  return result.built;
}

export const tensorOf = (sizes: readonly number[], values: Iterable<number>): Tensor<number> => ({
  sizes,
  data: Float64Array.from(values),
});

/** Values of the model's parameters by their names, as the leaves that hold them. */
export function leavesOf(
  model: Built,
  values: (name: string, sizes: readonly number[]) => readonly number[],
): Record<string, Tensor<number>> {
  const leaves: Record<string, Tensor<number>> = {};
  const groups = new Map<string, number[][]>();
  const shapes = new Map<string, readonly number[]>();
  for (const p of model.parameters) {
    const sizes = p.shape.map(({ size }) => size as number);
    const data = [...values(p.name, sizes)];
    if (p.turn === undefined) leaves[p.leaf] = tensorOf(sizes, data);
    else {
      const rows = groups.get(p.leaf) ?? [];
      rows[p.turn] = data;
      groups.set(p.leaf, rows);
      shapes.set(p.leaf, sizes);
    }
  }
  for (const [leaf, rows] of groups)
    leaves[leaf] = tensorOf([rows.length, ...shapes.get(leaf)!], rows.flat());
  return leaves;
}

export const evaluateGraph = (
  graph: Built["forward"],
  inputs: Readonly<Record<string, Tensor<number>>>,
  lengths: Readonly<Record<string, number>>,
): Record<string, Tensor<number>> => interpret(graph, f64, { inputs, lengths });
