/**
 * The name of a starter → the files of its folder: a model, a little data, and what to type.
 */
import { reversedDigits } from "./digits.js";
import * as models from "./models.js";
import { drawnShapes } from "./shapes.js";
import { tales } from "./tales.js";

export interface Starter {
  readonly about: string;
  readonly files: () => ReadonlyMap<string, string | Uint8Array>;
}

/** `README.md`: what it is, and commands to copy. */
const readme = (title: string, text: string, commands: readonly string[], after: string): string =>
  `# ${title}\n\n${text}\n\n\`\`\`sh\n${commands.join("\n")}\n\`\`\`\n\n${after}\n`;

const language = (title: string, model: string, text: string): ReadonlyMap<string, string> =>
  new Map([
    ["model.tfm", model],
    ["tales.txt", tales()],
    [
      "README.md",
      readme(
        title,
        text,
        [
          "tfmc check model.tfm",
          "tfmc train model.tfm --data tales.txt --tokenizer chars -o run",
          'tfmc generate run -p "The fox " -n 200',
        ],
        "`tfmc summary model.tfm` counts its parameters, `tfmc expand model.tfm` shows what its knobs stand for. Put a text of\nyour own in place of `tales.txt`; a larger one deserves larger `d_model`, `layers`, `context` and `steps`.",
      ),
    ],
  ]);

export const starters = {
  "char-gpt": {
    about: "a GPT on characters, and tales to learn them from",
    files: () =>
      language(
        "A GPT on characters",
        models.charGpt,
        "A decoder in the manner of GPT-2, small enough to learn words from `tales.txt` on a CPU in a few minutes.",
      ),
  },
  "llama-mini": {
    about: "the same with the parts of LLaMA: RMS norm, rotary positions, SwiGLU, grouped queries",
    files: () =>
      language(
        "A small LLaMA",
        models.llamaMini,
        "A decoder with RMS norms, rotary positions, SwiGLU and grouped queries, on the characters of `tales.txt`.",
      ),
  },
  seq2seq: {
    about: "an encoder-decoder as of 2017 that learns to reverse strings of digits",
    files: () =>
      new Map([
        ["model.tfm", models.seq2seq],
        ["pairs.tsv", reversedDigits()],
        [
          "README.md",
          readme(
            "An encoder-decoder",
            "The Transformer of 2017, small: it reads a string of digits and writes it backwards. `pairs.tsv` has a source and a\ntarget a line, with a tab between.",
            [
              "tfmc check model.tfm",
              "tfmc train model.tfm --data pairs.tsv --tokenizer chars -o run",
              "tfmc generate run -p 3141",
            ],
            "Any pairs will do: put sentences and their translations in place of `pairs.tsv`, with `--tokenizer bpe:4000`.",
          ),
        ],
      ]),
  },
  vit: {
    about: "a vision transformer that tells drawn shapes apart",
    files: () => {
      const { images, labels } = drawnShapes();
      return new Map<string, string | Uint8Array>([
        ["model.tfm", models.vit],
        ["shapes/train-images-idx3-ubyte", images],
        ["shapes/train-labels-idx1-ubyte", labels],
        [
          "README.md",
          readme(
            "A vision transformer",
            "It cuts a picture of 16 × 16 into squares of 4 × 4 and says what is drawn: 0 a square, 1 a disc, 2 a cross, 3 a\ntriangle. `shapes/` has 600 pictures in the format of MNIST.",
            [
              "tfmc check model.tfm",
              "tfmc train model.tfm --data shapes -o run",
              "tfmc eval run --data shapes",
            ],
            "A folder with one folder of PNG files per class works as well. `--set height=28 --set width=28 --set classes=10` is MNIST's\nsize.",
          ),
        ],
      ]);
    },
  },
} as const satisfies Readonly<Record<string, Starter>>;

export type StarterName = keyof typeof starters;
export const starterNames = Object.keys(starters) as StarterName[];
