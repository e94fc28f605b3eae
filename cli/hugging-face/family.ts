/**
 * What tfmc knows of one Hugging Face architecture, as data: the fields of its config.json, the model that they describe in the
 * language, and where each tensor of the checkpoint goes. One row a family (`families/`), read both ways: import and export.
 *
 * ```
 * h.{l}.attn.c_attn.weight [32, 96]  "d (n h c) -> n d h c"  →  layers.{l}.attention.wq, .wk, .wv [32, 4, 8]
 * ```
 */

export interface Family {
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** The classes (`architectures`) that the row is: a checkpoint of another class is refused by name. The first is export's. */
  readonly architectures: readonly string[];
  /**
   * What stands before the names of the class without a head, `transformer.`: a file that was saved of that class lacks it. The rows of
   * `weights` write it.
   */
  readonly prefix?: string;
  /**
   * Every field that such a config may have besides the `common` ones (config.ts: names, ids of special tokens, versions …). A field
   * in neither list is an error that names it.
   */
  readonly fields: Readonly<Record<string, Field>>;
  /** The model as a person would write it for this config: source text in the language, `tfmc fmt`ted by the importer. */
  model(config: Config): string;
  /** Where the tensors go. `{l}`, `{m}`, … stand for any whole number, the same on both sides. */
  weights(config: Config): readonly Weight[];
}

/** A value in a JSON file. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

export type Field =
  /** Understood; `otherwise` is what the class takes where the file says nothing. */
  | { readonly kind: "read"; readonly otherwise: Json }
  /** Must be there. */
  | { readonly kind: "needed" }
  /** Understood only as one of these values (the first where the file says nothing): any other changes the maths in a way that the row does not say. */
  | { readonly kind: "only"; readonly values: readonly Json[] }
  /** An object of fields with defaults of their own: the config of a part. The `common` ones may stand in it too. */
  | { readonly kind: "part"; readonly fields: Readonly<Record<string, Field>> }
  /** Changes nothing of what the model computes: training, generation, naming. */
  | { readonly kind: "neutral" };

/** The fields of one config.json, defaults filled in; each getter fails with a diagnostic that names the field where its type is another. */
export interface Config {
  get(field: string): Json;
  number(field: string): number;
  /** A whole number from 1 up: how many or how wide. */
  size(field: string): number;
  /** Undefined where it is null. */
  optionalSize(field: string): number | undefined;
  boolean(field: string): boolean;
  string(field: string): string;
  /** Undefined where it is null. */
  optionalNumber(field: string): number | undefined;
  numbers(field: string): readonly number[];
  strings(field: string): readonly string[];
  /** The fields of a part. */
  part(field: string): Config;
  /** Gives up, naming the field and its value: `why` ends the sentence "`rope_scaling` is {…}: ". */
  refuse(field: string, why: string): never;
}

/** What becomes of a tensor of the checkpoint. Every one of the file and every parameter of the model is in exactly one row. */
export type Weight =
  /**
   * `layout` says how its axes become the parameter's, groups in parentheses, the last name running fastest: "out in -> in out",
   * "(h c) d -> d h c". Sizes follow from the shapes of both sides. Left out: as it is.
   */
  | { readonly from: string; readonly to: string; readonly layout?: string }
  /** One tensor, several parameters: the first axis of the layout's right side counts them. */
  | { readonly from: string; readonly split: readonly string[]; readonly layout: string }
  /** One tensor whose axis `axis` is several blocks of unequal size after each other, each with a layout of its own. */
  | {
      readonly from: string;
      readonly axis: number;
      readonly parts: readonly { readonly to: string; readonly size: number; readonly layout?: string }[];
    }
  /** Several tensors, one parameter: the first axis of the layout's left side counts them. */
  | { readonly join: readonly string[]; readonly to: string; readonly layout: string }
  /** May be in the file, as the same values as `like`; in no parameter of its own. Export writes it where it was. */
  | { readonly from: string; readonly like: string }
  /** May be in the file, learned and of no use to the class. Import keeps it aside and export writes it where it was. */
  | { readonly from: string; readonly kept: string }
  /** May be in the file and is not used: a buffer that the class computes. Export leaves it out. */
  | { readonly from: string; readonly ignored: string };
