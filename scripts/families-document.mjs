// The library's families -> spec/families.md: every knob with its default and meaning, and the functions that knobs take.
//
//   #   heads: attention heads          | `heads` | `4` | attention heads |
//   model decoder(heads = 4) { … }

/**
 * @typedef {{ name: string, doc: string, knobs: readonly { name: string, doc: string, default: unknown }[] }} Family
 * @typedef {{ name: { text: string }, axes: unknown }} Parameter
 * @typedef {{ kind: string, name: { text: string }, doc: string, parameters?: readonly Parameter[], captures?: readonly Parameter[] }} Declaration
 */

const taken = {
  "`norm`, `embedding_norm`, `qk_norm`": ["layer_norm", "rms_norm"],
  "`position`": ["learned", "sinusoidal", "rope", "xpos", "alibi", "t5", "shaw"],
  "`mask`, `encoder_mask`": ["causal", "sliding", "prefix"],
  "`ffn`": ["mlp", "gated_mlp", "swiglu", "geglu", "reglu", "moe"],
  "`act` of an `ffn`": ["relu", "gelu", "gelu_tanh", "silu"],
};

/** What a family gives itself; the rest of a function's arguments is a user's. */
const given = ["context", "heads", "two_sided", "keys", "slope", "init", "out_init", "std", "out_std"];

/** @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** @param {Family} family */
function familySection({ name, doc, knobs }) {
  const rows = knobs.map(
    (knob) => `| \`${knob.name}\` | \`${String(knob.default ?? "none")}\` | ${cell(knob.doc)} |\n`,
  );
  return `\n## ${name}\n\n${doc}\n\n| knob | default | meaning |\n|---|---|---|\n${rows.join("")}`;
}

/**
 * @param {readonly Declaration[]} declarations
 * @param {string} name
 */
function functionRow(declarations, name) {
  const found = declarations.find((d) => d.name.text === name);
  if (!found) throw new Error(`the library has no \`${name}\``);
  const parameters = (found.parameters ?? found.captures ?? [])
    .filter(({ name: { text }, axes }) => axes === undefined && !given.includes(text))
    .map(({ name: { text } }) => `\`${text}\``);
  return `| \`${name}\` | ${parameters.join(", ")} | ${cell(found.doc)} |\n`;
}

/**
 * @param {readonly Family[]} families
 * @param {readonly Declaration[]} declarations
 */
export function familiesDocument(families, declarations) {
  const functions = Object.entries(taken).map(
    ([knob, names]) =>
      `\n### ${knob}\n\n| function | arguments | |\n|---|---|---|\n${names.map((name) => functionRow(declarations, name)).join("")}`,
  );
  return `# Families

Generated from compiler/library by \`npm run generate\`. A family is a model of the library whose parameters are knobs; \`model mine : decoder { … }\`
sets some of them, \`variant\` changes them once more, \`tfmc expand\` shows what they come to. A knob is a number, a truth value, a choice
(\`post\`), or a function: one of those below, with arguments where it has them, or a block, mask or score of your own.

\`\`\`tfm
block squared(x[*]) { return max(x, 0) * max(x, 0) }
mask every_second(i, j) = j <= i and (i - j) % 2 == 0

model mine : decoder {
  layers = 2
  d_model = 64
  norm = rms_norm(eps: 1e-5)
  position = rope(base: 50000, fraction: 0.5)
  ffn = mlp(hidden: 3 * d_model, act: squared)
  mask = every_second
}
variant post : mine { norm_at = post }
\`\`\`

Padding takes part in nothing: each input has a companion \`valid\` that masks it as a key, and targets where nothing stands do not
count. Norms at the end of a stack are there where \`norm_at\` leaves the stream without one: pre, sandwich, parallel, dual_residual.
Parameters are named alike in all families, \`layers.0.attention.wq\`; those of an encoder-decoder start with \`encoder.\` and \`decoder.\`.
${families.map(familySection).join("")}
## Functions that knobs take

What a function is not given it takes from the family: \`hidden\` is 4 d_model, \`bias\` the family's, initial values and positions' lengths too.
${functions.join("")}`;
}
