/**
 * An error of the runtime → its exit code, its text for people, its explanation.
 */

import type { RuntimeError, RuntimeErrorCode } from "../runtime/errors.js";
import type { ExitCode } from "./failure.js";

export function exitOf(code: RuntimeErrorCode): ExitCode {
  switch (code) {
    case "TFM6001":
    case "TFM6002":
    case "TFM6003":
    case "TFM6006":
      return 3;
    case "TFM6008":
      return 4;
    default:
      return 1;
  }
}

/** The message without the code before it and the hint after it. */
export function messageOf(error: RuntimeError): string {
  const text = error.message.slice(`${error.code}: `.length);
  return error.hint === undefined ? text : text.slice(0, -error.hint.length - 1);
}

export const runtimeExplanations: Readonly<Record<RuntimeErrorCode, string>> = {
  TFM6001:
    "No adapter of the asked kind was found. `tfmc doctor` says what is missing and how to mend it; `--device cpu` runs everywhere.",
  TFM6002:
    "From the Program alone it follows that a buffer, a binding or a grid is larger than the device allows. The message shows the value needed, the limit, and the lengths that would fit.",
  TFM6003:
    "The device's compiler refused a kernel. This is a bug of tfmc or of the driver; `--device cpu` works around it.",
  TFM6004:
    "An integer input holds a value that the model does not declare: `int(vocab)` takes 0 up to vocab - 1. For targets of `next(…)`, -1 means that nothing follows.",
  TFM6005:
    "`run` and `grad` want one tensor per input of the model, by name, with the batch axis first. Lengths with one name must be equal in all inputs and at most their maximum.",
  TFM6006:
    "The driver reset or removed the device while it was working. Start again; the last checkpoint is intact.",
  TFM6007:
    "The program has no entry, input or output of this name. A model without a `loss` has neither loss, gradient nor training.",
  TFM6008:
    "A loss, a gradient or a parameter became NaN or infinite; the message names the step and the first such tensor. A smaller --lr, more warmup, or `clip = 1.0` in `train { … }` usually mends it. The last checkpoint before it is intact.",
  TFM6009: "A session or device was used after it was disposed.",
  TFM6101:
    "The file breaks a rule of the safetensors format: header length, JSON header, offsets without gaps, sizes that match the shapes. Often it was cut off while copying.",
  TFM6102:
    "Weights hold exactly the parameters of their model, by name and shape. `tfmc summary` lists the model's.",
  TFM6103: "The element type of a tensor in the file has no exact counterpart in the model.",
  TFM6104: "The weights could not be fetched or read; the reason is in the message.",
  TFM6201: "The text holds something that the tokenizer's vocabulary lacks, or an id lies outside of it.",
  TFM6202:
    "A tokenizer.json is what `tfmc train` writes, or a file in Hugging Face's format with a BPE, WordPiece or Unigram model; the message says what is wrong with it.",
  TFM6203: "The data is too short for one window, or its token ids exceed the model's vocabulary.",
  TFM6301: "A checkpoint was cut off or changed after it was written: its sums do not match.",
  TFM6302: "The checkpoint was made by another model or by other settings.",
  TFM6401: "A setting of training or generation lies outside the range that its message shows.",
};
