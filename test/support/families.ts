/** Models of the library's families in config form, and the small ones that test/reference/families holds numbers of. */
import { readFileSync } from "node:fs";
import type { Tensor } from "../../compiler/ir/numbers/scalar.js";
import { readReference } from "./reference.js";

type Setting = string | number | boolean;
export type Knobs = Readonly<Record<string, Setting>>;

/** `model m : decoder { layers = 2 … }` */
export const familyText = (family: string, knobs: Knobs, train = ""): string =>
  `model m : ${family} {\n${Object.entries(knobs)
    .map(([name, value]) => `  ${name} = ${value}\n`)
    .join("")}${train}}\n`;

export interface FamilyReference {
  readonly family: string;
  readonly batch: number;
  readonly length: number;
  readonly settings: Knobs;
}

export const familyReferences = JSON.parse(
  readFileSync(new URL("../reference/families/models.json", import.meta.url), "utf8"),
) as Readonly<Record<string, FamilyReference>>;

export interface FamilyNumbers {
  readonly tensors: ReadonlyMap<string, Tensor<number>>;
  /** By the names of the model's inputs. */
  readonly inputs: Readonly<Record<string, Tensor<number>>>;
}

export function readFamily(name: string): FamilyNumbers {
  const tensors = readReference(`families/${name}`);
  const inputs = [...tensors].filter(([key]) => key.startsWith("input."));
  return {
    tensors,
    inputs: Object.fromEntries(inputs.map(([key, value]) => [key.slice("input.".length), value])),
  };
}

/** The lengths that a model's inputs have, by its symbols. */
export function lengthsOf(
  inputs: readonly {
    readonly name: string;
    readonly shape: readonly { readonly size: number | readonly unknown[] }[];
  }[],
  given: Readonly<Record<string, Tensor<number>>>,
): Record<string, number> {
  const lengths: Record<string, number> = {};
  for (const { name, shape } of inputs)
    shape.forEach(({ size }, axis) => {
      const found = given[name]?.sizes[axis];
      if (typeof size !== "number" && found !== undefined)
        lengths[(size as readonly (readonly [number, string])[])[0]![1]] = found;
    });
  return lengths;
}
