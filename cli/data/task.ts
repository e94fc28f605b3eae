/**
 * A model's inputs → the task that they state, and so the kind of data that trains it.
 *
 *   tokens i32 [B, T], tokens.next            →  { kind: "stream", tokens, next }
 *   source i32 [B, S], target i32 [B, T], target.next, source.valid  →  { kind: "pairs", … }
 */
import type { Built } from "../../compiler/ir/graph.js";
import type { Input } from "../../runtime/program.js";
import { fail } from "../failure.js";

/** What of an input matters here; a Program's inputs are such. */
export type DataInput = Pick<Input, "name" | "dtype" | "axes" | "shape" | "bound" | "derived">;

export type Task =
  /** Windows of one text; each token is followed by the next. */
  | { readonly kind: "stream"; readonly tokens: DataInput; readonly next: string | undefined }
  /** Windows of one text, some tokens of which are hidden. */
  | { readonly kind: "masked"; readonly tokens: DataInput; readonly original: string }
  /** A source and the target that it becomes. */
  | {
      readonly kind: "pairs";
      readonly source: DataInput;
      readonly target: DataInput;
      readonly next: string;
      readonly sourceValid: string | undefined;
      readonly targetValid: string | undefined;
    }
  /** A text and its class. */
  | {
      readonly kind: "texts";
      readonly tokens: DataInput;
      readonly valid: string | undefined;
      readonly label: DataInput;
    }
  /** A picture and its class. */
  | { readonly kind: "images"; readonly pixels: DataInput; readonly label: DataInput };

export type TaskKind = Task["kind"];
export type TaskOf<K extends TaskKind> = Extract<Task, { readonly kind: K }>;

/** What a tokenizer must have for it. */
export type SpecialName = "bos" | "eos" | "mask";
export const specialsOf = {
  stream: [],
  masked: ["mask"],
  pairs: ["bos", "eos"],
  texts: ["eos"],
  images: [],
} as const satisfies Readonly<Record<TaskKind, readonly SpecialName[]>>;

/** Built's table of inputs in the words of Program's. */
export const inputsOfBuilt = ({ inputs }: Built): readonly DataInput[] =>
  inputs.map(({ name, dtype, shape, bound, derived }) => ({
    name,
    dtype,
    axes: shape.map((axis) => axis.name),
    shape: shape.map((axis) => axis.size),
    bound: bound ?? null,
    derived: derived ?? null,
  }));

const isSequence = ({ dtype, shape }: DataInput): boolean => dtype === "i32" && shape.length === 2;
const isLabel = ({ dtype, shape }: DataInput): boolean => dtype === "i32" && shape.length === 1;
const isImage = ({ dtype, shape }: DataInput): boolean =>
  dtype === "f32" && (shape.length === 3 || shape.length === 4) && shape.slice(1).every(Number.isInteger);

export function taskOf(model: string, inputs: readonly DataInput[]): Task {
  const given = inputs.filter(({ derived }) => derived === null);
  const sequences = given.filter(isSequence);
  const labels = given.filter(isLabel);
  const images = given.filter(isImage);
  const kinds = `${sequences.length} ${labels.length} ${images.length}`;
  const known = sequences.length + labels.length + images.length === given.length;
  const task = known ? matched(kinds, { sequences, labels, images }, inputs) : undefined;
  return task ?? noTask(model, given, inputs);
}

interface Sorted {
  readonly sequences: readonly DataInput[];
  readonly labels: readonly DataInput[];
  readonly images: readonly DataInput[];
}

/** `kinds`: how many sequences, labels and images there are. */
function matched(
  kinds: string,
  { sequences, labels, images }: Sorted,
  inputs: readonly DataInput[],
): Task | undefined {
  const [first, second] = sequences;
  const [label] = labels;
  switch (kinds) {
    case "1 0 0": {
      const original = derivedName(inputs, "original", first!);
      if (original !== undefined) return { kind: "masked", tokens: first!, original };
      return { kind: "stream", tokens: first!, next: derivedName(inputs, "next", first!) };
    }
    case "2 0 0":
      return pairsOf(inputs, first!, second!);
    case "1 1 0":
      return { kind: "texts", tokens: first!, valid: derivedName(inputs, "valid", first!), label: label! };
    case "0 1 1":
      return { kind: "images", pixels: images[0]!, label: label! };
    default:
      return undefined;
  }
}

const derivedName = (
  inputs: readonly DataInput[],
  how: "next" | "valid" | "original",
  { name }: DataInput,
): string | undefined => inputs.find(({ derived }) => derived?.how === how && derived.of === name)?.name;

/** The target is the one whose next tokens the model speaks of. */
function pairsOf(inputs: readonly DataInput[], one: DataInput, other: DataInput): Task | undefined {
  const targets = [one, other].filter((input) => derivedName(inputs, "next", input) !== undefined);
  if (targets.length !== 1) return undefined;
  const [target] = targets as [DataInput];
  const source = target === one ? other : one;
  return {
    kind: "pairs",
    source,
    target,
    next: derivedName(inputs, "next", target)!,
    sourceValid: derivedName(inputs, "valid", source),
    targetValid: derivedName(inputs, "valid", target),
  };
}

function noTask(model: string, given: readonly DataInput[], inputs: readonly DataInput[]): never {
  const said = given.map((input) => describe(input, inputs)).join("; ");
  return fail(
    "bad-data",
    `no kind of data feeds \`${model}\`, whose inputs are ${said || "none"}`,
    `${taskList}; a model of other inputs is trained in a program, with batches of your own`,
  );
}

const taskList =
  "data exists for: one sequence of tokens with `next(tokens)` (text) or `original(tokens)` (text with hidden tokens); " +
  "two sequences, one of them with `next(target)` (pairs); a sequence and a `label : int(classes)` without axes (labelled text); " +
  "`image[h, w]` or `image[h, w, c]` and such a label (pictures)";

function describe({ name, dtype, axes, bound }: DataInput, inputs: readonly DataInput[]): string {
  const type =
    dtype === "i32" ? `int${bound === null ? "" : `(${bound})`}` : dtype === "f32" ? "real" : "bool";
  const derived = inputs.filter((input) => input.derived?.of === name).map((input) => input.derived!.how);
  const read = derived.length > 0 ? ` with ${derived.map((how) => `\`${how}(${name})\``).join(", ")}` : "";
  return `\`${name}${axes.length > 1 ? `[${axes.slice(1).join(", ")}]` : ""} : ${type}\`${read}`;
}

/** How long the last axis of a sequence may be; both ends are equal where it is a fixed size. */
export function widthsOf(
  { shape, name }: DataInput,
  lengths: Readonly<Record<string, { readonly maximum: number }>>,
): { readonly least: number; readonly most: number; readonly symbol: string } {
  const size = shape.at(-1)!;
  if (typeof size === "number") return { least: size, most: size, symbol: name };
  const [term] = size;
  const symbol = size.length === 1 && term?.length === 2 && term[0] === 1 ? term[1] : undefined;
  if (symbol === undefined)
    return fail("bad-data", `the length of \`${name}\` is a sum or a product, which no data loader fills`);
  return { least: 1, most: lengths[symbol]?.maximum ?? Number.POSITIVE_INFINITY, symbol };
}
