/**
 * A user's mistake or a machine's refusal outside the language → code, message, hint, exit code.
 *
 * ```
 * fail("missing-file", "`nano.tmf` does not exist", "did you mean `nano.tfm`?")
 * error TFM5001: `nano.tmf` does not exist
 *   = hint: did you mean `nano.tfm`?
 * ```
 */

/** 0 ok · 1 diagnostics · 2 usage · 3 no usable device or limit · 4 diverged · 70 internal · 130 interrupted. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 70 | 130;

interface FailureKind {
  readonly code: string;
  readonly title: string;
  readonly explanation: string;
  readonly exit: ExitCode;
}

const kind = (code: string, exit: ExitCode, title: string, explanation: string): FailureKind => ({
  code,
  title,
  explanation,
  exit,
});

/** What can go wrong on the command line, beside the diagnostics of the language. */
export const failures = {
  "missing-file": kind(
    "TFM5001",
    1,
    "the file does not exist",
    "The path is read relative to the folder in which tfmc was started. `-` reads standard input instead of a file.",
  ),
  "not-a-file": kind(
    "TFM5011",
    1,
    "the path is a folder, not a file",
    "A command that reads one file was given a folder. Name the file inside it; `train --data` is the only place that takes a folder of texts.",
  ),
  "unreadable-file": kind(
    "TFM5012",
    1,
    "the file cannot be read",
    "The operating system refused to open or read the file; its reason is in the message.",
  ),
  "too-large-file": kind(
    "TFM5013",
    1,
    "the file is too large",
    "Model files are limited to 4 MiB, and other inputs to what the message says, so that a wrong path is refused before it fills the memory.",
  ),
  "not-text": kind(
    "TFM5007",
    1,
    "the file is not UTF-8 text",
    "Models and training texts are UTF-8. The message names the first byte that is not. Binary files such as weights go where an option asks for them.",
  ),
  "unwritable-file": kind(
    "TFM5014",
    1,
    "the file cannot be written",
    "The operating system refused to create or replace the file. Files are written under a temporary name and renamed, so what was there before is unharmed.",
  ),
  "missing-tensor": kind(
    "TFM5003",
    1,
    "a tensor is missing",
    "The model needs a tensor that the file does not hold. `--weights` wants one tensor per parameter (`tfmc summary` lists them), `--inputs` one per input of the model.",
  ),
  "no-loss": kind(
    "TFM5015",
    1,
    "the model has no loss",
    "Training, evaluation and gradients need a `loss` statement in the model, for example `loss cross_entropy(logits, next(tokens))`.",
  ),
  "bad-setting": kind(
    "TFM5017",
    1,
    "a setting is wrong",
    "`--set name=value` overrides an argument of the model. The value is a number, `true`, `false` or a name.",
  ),
  "not-canonical": kind(
    "TFM5018",
    1,
    "the file is not in canonical form",
    "`tfmc fmt --check` changes nothing and names the files that `tfmc fmt` would rewrite.",
  ),
  "broken-run": kind(
    "TFM5020",
    1,
    "the run folder is not usable",
    "A run folder is what `tfmc train -o RUN` writes: model.tfm, tokenizer.json, checkpoints with a manifest of SHA-256 sums. A checkpoint whose sums do not match is not used.",
  ),
  "existing-run": kind(
    "TFM5021",
    1,
    "the run folder already holds a run",
    "`train -o` does not overwrite a run. Continue it with `--resume RUN`, or choose another folder.",
  ),
  "bad-data": kind(
    "TFM5005",
    1,
    "the data cannot be used",
    "Which data a model takes follows from its inputs: one sequence with `next` or `original` reads text, a source and a target with `next(target)` read pairs, a sequence or a picture with a label reads labelled examples. Text must be longer than one window of context plus one token, in its training and its validation part; pairs must be short enough for the model; files of lines must have equally many.",
  ),
  "vocabulary-mismatch": kind(
    "TFM5022",
    1,
    "the tokenizer and the model disagree about the vocabulary",
    "Every token id must be below the model's `vocab`. `--set vocab=N` changes the model; `--tokenizer bytes` needs 256, `bpe:N` needs N; special tokens come on top of bytes and characters.",
  ),
  "cannot-match": kind(
    "TFM5030",
    1,
    "the counts cannot be made equal",
    "`compare --match` adjusts the width of the feed-forward layers: an argument of the model named `hidden`, or the argument `hidden` of its knob `ffn`. The message names the counts and what stands in the way.",
  ),
  "no-checkpoint": kind(
    "TFM5040",
    1,
    "the folder holds no checkpoint that can be imported",
    "`tfmc import` reads what `save_pretrained` of Hugging Face's transformers writes: config.json beside model.safetensors, or beside several files that model.safetensors.index.json lists. Files that are pickled Python (pytorch_model.bin) are programs and are not read.",
  ),
  "not-understood": kind(
    "TFM5041",
    1,
    "the config is not understood",
    "Every field of config.json is known to change nothing, or is understood with the value that it has: a model that is not the one of the checkpoint would give other numbers without a word. The message names the field and its value; spec/hugging-face.md lists what each family understands.",
  ),
  "bad-checkpoint": kind(
    "TFM5042",
    1,
    "the checkpoint does not fit its config",
    "Each tensor of a checkpoint has one place in the model that config.json describes, and each parameter of the model is there. The message names the tensors that are left over, missing, of another shape, or different where they should be one.",
  ),
  usage: kind(
    "TFM5060",
    2,
    "the command line is wrong",
    "`tfmc COMMAND --help` shows what the command takes.",
  ),
} as const satisfies Record<string, FailureKind>;

export type FailureName = keyof typeof failures;

/** Thrown by commands and caught once, in main. */
export class Failure extends Error {
  readonly kind: FailureName;
  readonly code: string;
  readonly exit: ExitCode;
  readonly hint: string | undefined;
  /** The file it is about, for `--json`. */
  readonly file: string | undefined;

  constructor(name: FailureName, message: string, hint: string | undefined, file: string | undefined) {
    super(message);
    this.kind = name;
    this.code = failures[name].code;
    this.exit = failures[name].exit;
    this.hint = hint;
    this.file = file;
  }
}

export function fail(name: FailureName, message: string, hint?: string, file?: string): never {
  throw new Failure(name, message, hint, file);
}

/** The system's reason without its own prefix: "EACCES: permission denied, open 'x'" → "permission denied". */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .replace(/^E[A-Z]+: /, "")
    .replace(/, \w+ '.*$/, "");

export const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
