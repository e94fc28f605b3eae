/**
 * The library's texts → its families and their knobs, as the schema shows them.
 *
 *     # A decoder.                               {
 *     #   layers: how many                   →     name: "decoder", doc: "A decoder.",
 *     model decoder(layers = 12) { … }             knobs: [{ name: "layers", doc: "how many", default: 12 }]
 *                                                }
 */
import type { Expression, ModelDeclaration } from "../model.js";
import { readTfm } from "../read-tfm.js";
import { jsonOf } from "./value-text.js";

export interface Knob {
  readonly name: string;
  readonly doc: string;
  /** As JSON; undefined where it must be given. */
  readonly default: unknown;
}

export interface Family {
  readonly name: string;
  readonly doc: string;
  readonly knobs: readonly Knob[];
}

export function familiesOf(library: Readonly<Record<string, string>>): readonly Family[] {
  return Object.entries(library).flatMap(([name, text]) =>
    readTfm(text, `${name}.tfm`).model.declarations.flatMap((d) =>
      d.kind === "model" && d.base === undefined ? [familyOf(d)] : [],
    ),
  );
}

function familyOf({ name, doc, parameters }: ModelDeclaration): Family {
  const { about, meanings } = splitDoc(doc);
  const knobs = parameters.map(({ name: { text }, defaultValue }) => ({
    name: text,
    doc: meanings.get(text) ?? "",
    default: defaultValue && byDefault(defaultValue),
  }));
  return { name: name.text, doc: about, knobs };
}

const byDefault = (e: Expression): unknown => JSON.parse(jsonOf(e));

/** `  knob: meaning` is a knob's line, deeper ones go on with it; the others are about the family. */
function splitDoc(doc: string): { readonly about: string; readonly meanings: ReadonlyMap<string, string> } {
  const about: string[] = [];
  const meanings = new Map<string, string>();
  let knob: string | undefined;
  for (const line of doc.split("\n")) {
    const start = /^ {1,3}([\p{L}_][\p{L}\p{N}_]*(?:, [\p{L}_][\p{L}\p{N}_]*)*): +(.*)$/u.exec(line);
    if (start) {
      knob = start[1]!;
      for (const name of knob.split(", ")) meanings.set(name, start[2]!);
    } else if (knob !== undefined && /^ {4}/.test(line))
      for (const name of knob.split(", ")) meanings.set(name, `${meanings.get(name)} ${line.trim()}`);
    else if (line.trim() !== "") about.push(line.trim());
  }
  return { about: about.join(" "), meanings };
}
