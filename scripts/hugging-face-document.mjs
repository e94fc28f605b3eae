// The rows of cli/hugging-face/families -> spec/hugging-face.md: how folders are read and written, and what of each config is understood.

/**
 * @typedef {{ kind: string, otherwise?: unknown, values?: readonly unknown[] }} Field
 * @typedef {{ modelType: string, architectures: readonly string[], fields: Readonly<Record<string, Field>> }} Family
 */

const intro = `# Hugging Face folders

Generated from the rows in \`cli/hugging-face/families\` by \`npm run generate\`. Edit those, or the text in \`scripts/hugging-face-document.mjs\`.

\`tfmc import HF_DIR -o DIR\` reads what \`save_pretrained\` of transformers 4 or 5 wrote and writes a folder that \`run\`, \`grad\`, \`generate\`, \`eval\`, \`train --weights\` and
\`export\` take:

| file | what it is |
|---|---|
| \`model.tfm\` | the model as a person would write it for that config, of the library alone |
| \`model.safetensors\` | its parameters under their path names, F32 |
| \`config.json\`, \`tokenizer.json\` and their like | as they were |
| \`hugging-face.json\` | what is in none of these: the order, types and metadata of the tensors |

\`\`\`sh
tfmc import gpt2 -o mine
tfmc run mine/model.tfm --weights mine/model.safetensors --inputs io.safetensors --outputs out.safetensors     # inputs: input_ids, attention_mask
tfmc grad mine/model.tfm --weights mine/model.safetensors --inputs io.safetensors --outputs g.safetensors --names hf
tfmc generate mine -p "Once upon a time"
tfmc train mine/model.tfm --weights mine/model.safetensors --tokenizer mine --data text.txt -o run
tfmc export run --to hf -o theirs
\`\`\`

- **Config.** Every field is one of the three kinds below, or one of those that change nothing in any class (names, ids of tokens, versions, generation). Any other field is an error that
  names it and its value (TFM5041). Where a field is absent the class's default holds, which differs from class to class. Dropout is a matter of training and is not taken over.
- **Weights.** F32, BF16 and F16, in one file or in several with an index. Each tensor of the file has a place in the model and each parameter of the model is there, or the error
  (TFM5042) names all that are not. Tensors that are one (a tied output) are compared bit by bit where the file holds both. Buffers that a class computes are left out, and named.
  \`pytorch_model.bin\` is a pickled program and is not read (TFM5040).
- **Inputs** keep their names, by statements \`input tokens as input_ids\`. Where a class shifts its \`labels\` itself, as decoders do, the shifted targets are \`shift_labels\`; by default they are the next tokens.
  Negative targets do not count. \`attention_mask\` hides keys; what stands at hidden positions themselves is nobody's business, and differs.
- **Export** (\`--to hf\`) writes the folder back: the same bytes where nothing changed, else the parameters as they are now, rounded to the type that each tensor had. \`--to safetensors\` writes the tensors
  alone.
- **Text.** \`generate\` and \`eval\` use the folder's \`tokenizer.json\`, begin a text with the tokens of its template, and end it at \`eos_token_id\`.
`;

/** @param {unknown} value */
const shown = (value) => `\`${JSON.stringify(value)}\``;

/** @param {readonly (readonly [string, Field])[]} fields @param {string} kind */
const named = (fields, kind) =>
  fields.filter(([, field]) => field.kind === kind).map(([name]) => `\`${name}\``);

/** @param {Family} family */
function section({ modelType, architectures, fields }) {
  const all = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  const read = all.flatMap(([name, field]) => {
    if (field.kind === "needed") return [`\`${name}\``];
    return field.kind === "read" ? [`\`${name}\` (${shown(field.otherwise)})`] : [];
  });
  const only = all.flatMap(([name, field]) =>
    field.kind === "only" ? [`\`${name}\` ${(field.values ?? []).map(shown).join(" or ")}`] : [],
  );
  const lines = [
    `Classes: ${architectures.map((name) => `\`${name}\``).join(", ")}.`,
    ...(read.length > 0 ? [`Read (with the default): ${read.join(", ")}.`] : []),
    ...(only.length > 0 ? [`Only as: ${only.join(", ")}.`] : []),
    ...(named(all, "neutral").length > 0 ? [`Of no matter: ${named(all, "neutral").join(", ")}.`] : []),
  ];
  return `\n## ${modelType}\n\n${lines.map((line) => `- ${line}\n`).join("")}`;
}

/** @param {readonly Family[]} families */
export const huggingFaceDocument = (families) => intro + families.map(section).join("");
