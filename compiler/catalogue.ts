/**
 * Code → what it means: one row per diagnostic, printed by `tfmc explain CODE` and as `spec/errors.md`.
 *
 * TFM1xxx syntax · TFM2xxx names and meaning · TFM3xxx shapes and sizes · TFM40xx limits · TFM41xx why a model has no steps · TFM7xxx laws
 * and verification. The command line has TFM5xxx (cli/failure.ts), the runtime TFM6xxx (runtime/errors.ts). A code is never reused for
 * something else.
 */

export interface CatalogueEntry {
  readonly title: string;
  /** A paragraph. */
  readonly explanation: string;
  /** The smallest text that shows it, and its correction; undefined where text is not the matter. */
  readonly example: { readonly wrong: string; readonly right: string } | undefined;
  readonly severity?: "error" | "warning";
}

const row = (title: string, explanation: string, wrong?: string, right?: string): CatalogueEntry => ({
  title,
  explanation,
  example: wrong === undefined || right === undefined ? undefined : { wrong, right },
});

export const catalogue = {
  // ------------------------------------------------------------------ syntax
  TFM1000: row(
    "unexpected text",
    "The text does not continue as the grammar of spec/language.md allows; the message says what could stand there. A newline ends a statement, except inside `()` and `[]` and after an operator or a comma.",
    "x = a b",
    "x = a * b",
  ),
  TFM1001: row(
    "character that is not part of the language",
    "Outside comments and strings a file has names, numbers, strings and the operators of spec/language.md. Control characters and characters that reorder text on the screen are not allowed anywhere, not even in comments.",
    "x = a $ b",
    "x = a * b",
  ),
  TFM1002: row(
    "bracket without its partner",
    "Every `(`, `[` and `{` needs its closing partner, in the right order. Where a line inside brackets starts a new statement, the bracket is taken to be forgotten there.",
    "x = mlp(layer_norm(x)",
    "x = mlp(layer_norm(x))",
  ),
  TFM1003: row(
    "string that does not end",
    'A string stands between two `"` on one line. Inside it `\\"`, `\\\\`, `\\n` and `\\t` are the only escapes.',
    'import "layers.tfm',
    'import "layers.tfm"',
  ),
  TFM1004: row(
    "unknown statement",
    "A statement is an assignment (`x = …`) or starts with its keyword. The first word here is neither.",
    "repaet layers { x = mlp(x, 4 * d) }",
    "repeat layers { x = mlp(x, 4 * d) }",
  ),
  TFM1005: row(
    "not a number",
    "A number is digits, optionally a point with digits on both sides, optionally an exponent: `12`, `0.5`, `3e-4`. Digits are not grouped, there are no suffixes, and the value must be finite.",
    "vocab = 50_257",
    "vocab = 50257",
  ),
  TFM1006: row(
    "operator of another language",
    "Power is `^`, logic is `and`, `or`, `not`, comparison is `==` `!=` `<` `<=` `>` `>=`, assignment is `=`.",
    "y = x ** 2",
    "y = x ^ 2",
  ),
  TFM1007: row(
    "comparisons do not chain",
    "A comparison yields a truth value, so comparing it again is hardly ever meant. Join two comparisons with `and`.",
    "mask near(i, j) = 0 <= i - j < 8",
    "mask near(i, j) = 0 <= i - j and i - j < 8",
  ),
  TFM1008: row(
    "wrong form inside a statement",
    "The statement is recognised, but one of its parts has a form that cannot stand there: `use` wants a call, the arguments of a mask are plain names, an input is `int(bound)`, `real` or `bool`.",
    "use wte = table",
    "use wte = embedding(vocab, d)",
  ),
  TFM1010: row(
    "not in this version",
    "The statement belongs to the language's design but this version does not have it: `each` and `scan`.",
    "scan i over t { y = f(x) }",
    "repeat 4 { x = f(x) }",
  ),

  // -------------------------------------------------------- syntax, in JSON
  TFM1100: row(
    "not JSON",
    "A `.json` model is JSON as RFC 8259 has it: keys and strings between double quotes, commas between members, one value in the file. The message says what could stand there.",
    '{ "model": "decoder" "name": "gpt2" }',
    '{ "model": "decoder", "name": "gpt2" }',
  ),
  TFM1101: row(
    "comment or extra comma in JSON",
    'JSON has no comments, and no comma behind the last member. What a comment would say of a model, block, mask or score stands in its `"doc"`.',
    '{ "model": "decoder", "name": "gpt2", } // deep',
    '{ "model": "decoder", "name": "gpt2", "doc": "deep" }',
  ),
  TFM1102: row(
    "key that stands twice",
    "One of the two would silently win, so neither does.",
    '{ "model": "decoder", "name": "m", "layers": 12, "layers": 24 }',
    '{ "model": "decoder", "name": "m", "layers": 24 }',
  ),
  TFM1103: row(
    "key that is not allowed",
    "`__proto__`, `constructor` and `prototype` have a meaning of their own in JavaScript; a document with such a key is refused whole, so that no tool that reads it stumbles.",
  ),
  TFM1104: row(
    "unknown key",
    "An object of a model has the keys of spec/model.schema.json and no others; a family takes its knobs. Nothing is silently ignored.",
    '{ "model": "decoder", "name": "m", "layesr": 12 }',
    '{ "model": "decoder", "name": "m", "layers": 12 }',
  ),
  TFM1105: row(
    "not a number of JSON",
    "Numbers are finite decimals: `12`, `-0.5`, `3e-4`. There is no `NaN` and no `Infinity`, and the value must fit a double.",
    '{ "model": "decoder", "name": "m", "soft_cap": Infinity }',
    '{ "model": "decoder", "name": "m", "soft_cap": null }',
  ),
  TFM1106: row(
    "character that stands in no string",
    "Strings hold text: no control characters but tab and line feed, no halves of surrogate pairs, no marks that reorder text on the screen; neither as such nor as an escape.",
  ),
  TFM1107: row(
    "wrong kind of value",
    "The key wants another kind of value: an object, a list, a string, a truth value. What is computed (a size, a setting, a formula) is a number, `true`, `false`, `null` for `none`, a list, or a string with an expression of the language.",
    '{ "declarations": [{ "model": "m", "body": { "assign": "x", "value": 1 } }] }',
    '{ "declarations": [{ "model": "m", "body": [{ "assign": "x", "value": 1 }] }] }',
  ),
  TFM1108: row(
    "missing key",
    "The object lacks a key that it cannot do without.",
    '{ "model": "decoder", "layers": 12 }',
    '{ "model": "decoder", "name": "gpt2", "layers": 12 }',
  ),
  TFM1109: row(
    "not a name",
    "A name starts with a letter or `_`, goes on with letters, digits and `_`, and is no reserved word.",
    '{ "model": "decoder", "name": "gpt-2" }',
    '{ "model": "decoder", "name": "gpt2" }',
  ),
  TFM1110: {
    ...row(
      "comment that does not travel",
      "`tfmc fmt --to json` keeps the comments right above a model, block, mask or score, as its `doc`. JSON has no place for the others; the converted file is without them.",
    ),
    severity: "warning",
  },

  // ------------------------------------------------------- names and meaning
  TFM2001: row(
    "unknown name",
    "The name is declared nowhere that is visible here: not in this block, not around it, not in the file, its imports or the library. Names are visible from the statement that makes them downwards.",
    "x = layer_nrom(x)",
    "x = layer_norm(x)",
  ),
  TFM2002: row(
    "unknown argument",
    "The callee has no parameter of this name, or fewer parameters than there are arguments. In config form (`model m : base { … }`) and with `--set` the settings are the parameters of the base.",
    "x = mlp(x, hiden: 4 * d)",
    "x = mlp(x, hidden: 4 * d)",
  ),
  TFM2003: row(
    "missing argument",
    "A parameter without a default value must be given at every call.",
    "x = mlp(x)",
    "x = mlp(x, hidden: 4 * d)",
  ),
  TFM2004: row(
    "name defined twice",
    "One name means one thing in its scope. Only a tensor that carries through (`x = x + …`) is assigned again.",
    "block f(x[t, d], x) { return x }",
    "block f(x[t, d], y) { return x * y }",
  ),
  TFM2005: row(
    "not callable",
    "Only blocks, masks, scores, instances made by `use` and built-in functions are called.",
    "h = 4\ny = h(x)",
    "y = h * x",
  ),
  TFM2006: row(
    "wrong kind of value",
    "Sizes and settings are compile-time values, tensors are values at run time, and blocks, masks and scores are functions; the place wants another kind than it was given.",
    "repeat x { y = mlp(y, d) }",
    "repeat layers { y = mlp(y, d) }",
  ),
  TFM2007: row(
    "unused name",
    "Nothing is silently ignored: what is declared or given must have an effect. A name that starts with `_` may stay unused.",
    "block f(x[t, d], heads) { return x }",
    "block f(x[t, d]) { return x }",
  ),
  TFM2008: row(
    "index that is not bound",
    "An index on the left must occur on the right. An index only on the right is summed and must occur in at least two factors of its term; a sum of one factor is written `sum[c](…)`.",
    "y[i] = x[i, c]",
    "y[i] = sum[c](x[i, c])",
  ),
  TFM2009: row(
    "`where` outside a reduction",
    "`where` excludes elements of the reduction directly around it. Elsewhere a choice is written `if … then … else …`.",
    "y[i] = x[i] where i > 0",
    "y[i] = if i > 0 then x[i] else 0",
  ),
  TFM2010: row(
    "unknown setting in `train`",
    "The recipe has the settings of spec/language.md and no others.",
    "train { leraning_rate = 3e-4 }",
    "train { optimizer = adamw(lr: 3e-4) }",
  ),
  TFM2011: row(
    "import that cannot be followed",
    "The file does not exist, cannot be read, or imports itself over one or more steps.",
    '# in a.tfm\nimport "a.tfm"',
    '# in a.tfm\nimport "b.tfm"',
  ),
  TFM2012: row(
    "recursion",
    "A block may not call itself, directly or through others: the graph would be infinite. Use `repeat`.",
    "block f(x[t, d]) { return f(x) }",
    "block f(x[t, d]) { repeat 2 { x = gelu(x) }\n return x }",
  ),
  TFM2013: row(
    "which model?",
    "What compiles is one model. The file has none, or has several and none was named.",
    "block f(x[t, d]) { return x }",
    "model m { … }",
  ),
  TFM2014: row(
    "base that is no model",
    "Behind the `:` of `model name : base { … }` and `variant name : base { … }` stands a model: a family of the library (`decoder`, `encoder`, `encoder_decoder`), or any model of the file or of its imports, variants included.",
    "model m : decodre { layers = 2 }",
    "model m : decoder { layers = 2 }",
  ),
  TFM2015: row(
    "circle of settings or bases",
    "A setting may use the other settings of its model in any order, but none that needs it in turn; a model may be based on a variant of another, but not on itself over one or more steps. A model of the file hides the library's of its name.",
    "model m : decoder { d_model = 4 * heads; heads = d_model // 4 }",
    "model m : decoder { d_model = 64; heads = d_model // 4 }",
  ),
  TFM2016: row(
    "statement that sets nothing",
    "A model that is based on another holds settings of the base's parameters (`layers = 2`), `train { … }` and `law` lines. What changes the dataflow belongs in a model of its own: `tfmc expand` prints the one that the settings make.",
    "model m : decoder { x = x + mlp(x, 64) }",
    "model m : decoder { ffn = mlp(hidden: 64) }",
  ),

  // --------------------------------------------------------- shapes and sizes
  TFM3001: row(
    "does not divide",
    "Real division of sizes must be exact; `//` is floor division where that is meant.",
    "head_dim = 64 / 5",
    "head_dim = 64 / 4",
  ),
  TFM3002: row(
    "axes that do not match",
    "Unsubscripted arithmetic wants equal shapes or a scalar, and one index runs over one size. Both sides and where they come from are shown.",
    "y = x + table    # x[t, 64], table[256, 64]",
    "y = x + position(x)",
  ),
  TFM3003: row(
    "wrong number of indices",
    "A tensor is subscripted with one index per axis.",
    "y[i] = x[i]    # x[t, d]",
    "y[i, c] = x[i, c]",
  ),
  TFM3004: row(
    "index out of range",
    "Over the whole range of its indices a subscript must stay inside the axis; this is checked when the model is built.",
    "y[i] = x[i + 1]    # x and y have the same length",
    "y[i] = if i > 0 then x[i - 1] else 0",
  ),
  TFM3005: row(
    "size that is not a positive integer",
    "An axis has a whole, positive number of elements.",
    "param w[d / 5]    # d = 64",
    "param w[d / 4]",
  ),

  // ------------------------------------------------------------------- limits
  TFM4001: row(
    "model too large",
    "The model exceeds a limit of the compiler; the message says which, and by how much.",
  ),
  TFM4002: row(
    "nesting too deep",
    "Brackets may stand inside each other 200 deep, and one expression may chain about a thousand operators. Give parts of it names.",
    "x = ((((…))))",
    "y = …\nx = f(y)",
  ),
  TFM4003: row(
    "source too large",
    "A source file may have up to 1 MiB (1,048,576 UTF-16 units). Split it and `import` its parts.",
  ),
  TFM4004: row("not a text file", "The file has bytes that no UTF-8 text has. Sources are UTF-8 text."),

  // -------------------------------------------------- why a model has no steps
  TFM4101: row(
    "a position looks at later ones",
    "Text is generated token by token without computing again what was computed where each position looks at itself and earlier ones. The compiler proves that from the comparisons of indices in masks and conditions (`j <= i`, `i - j < 4`), and here it finds none, or one that lets later positions in. The model runs and trains; to generate, the whole text is computed for every token.",
    "p[i, j] = softmax[j](s[i, j])",
    "p[i, j] = softmax[j](s[i, j] where j <= i)",
  ),
  TFM4102: row(
    "the length of the text counts",
    "With every new token a text is longer, so what was computed with its length is another number, and nothing of it can be kept. A count of the positions so far is `i + 1`. The model runs and trains; to generate, the whole text is computed for every token.",
    "y[i, c] = (sum[j](x[j, c] where j <= i)) / t",
    "y[i, c] = (sum[j](x[j, c] where j <= i)) / (i + 1)",
  ),
  TFM4103: row(
    "the rows of a batch meet",
    "Where texts of one batch depend on each other, what is kept of one text is not its own, and the rows cannot be parted, reordered or repeated as generation does. The model runs and trains; to generate, the whole text is computed for every token.",
  ),
  TFM4104: row(
    "a form that steps do not have",
    "Each position looks at itself and earlier ones as far as the compiler sees, but in a way that it cannot compute for new positions alone: positions merged with another axis, positions that data choose, values for pairs of positions that pass through layers. The model runs and trains; to generate, the whole text is computed for every token.",
  ),

  // ------------------------------------------------- laws and verification
  TFM7001: row(
    "a law does not hold",
    "The law was computed on random tensors, and what it says is equal is not, or what it says stays the same does not. The message has both values at the place where they differ most, the hint the sizes and the seed: with the same `--seed` the same numbers are drawn. Parameters have no zero biases and no gains of 1, so a form that is right for fresh weights only does not pass.",
    "law wide: attention(x, 4, mask: sliding(2)) == attention(x, 4, mask: causal)",
    "law wide: attention(x, 4, mask: sliding(64)) == attention(x, 4, mask: causal)",
  ),
  TFM7002: row(
    "a law that claims nothing that can be checked",
    "A law is an equation of two forms, `params == …` (any comparison with `params`), `step == full`, or one of `prefix_invariant`, `permutation_equivariant` and `translation_invariant` of an output or a form; `where` and a condition on settings may follow.",
    "law size: 4 * d",
    "law size: params == 4 * d",
  ),
  TFM7003: row(
    "a law that could not be tried",
    "The free names of a law are tensors with random sizes, several of which were tried, and with none of them did all sides build; the message says what stood in the way for the first. Often a width must be divisible by a number of heads that no small width is, or a name is misspelt and taken for a tensor.",
  ),
  TFM7004: row(
    "two models that cannot be compared",
    "`tfmc verify A B` compares models with the same inputs, outputs and parameters, by name and shape. The message names what one has and the other has not.",
  ),
  TFM7005: row(
    "too large to check by computing",
    "Laws and passes are checked by computing with random numbers in double precision, in an interpreter that favours clearness over speed. `--set` makes the model smaller: fewer layers, a smaller width, a smaller vocabulary; what is shown for the small one is shown by the same text.",
  ),
  TFM7006: row(
    "two models that are not equal",
    "On the same random inputs and parameters the two models compute different numbers, beyond what rounding explains. The message has the first output that differs, with both values where they differ most.",
  ),
  TFM7007: row(
    "compiling changed the meaning",
    "A pass of the compiler, or the program on a device, computes other numbers than the model as written. This is a mistake of the compiler or of a driver and not of the model: please report it with the model and the seed.",
  ),
} as const satisfies Record<string, CatalogueEntry>;

export type Code = keyof typeof catalogue;

/** The entry of a code as text for a terminal; undefined for a code that does not exist. */
export function explain(code: string): string | undefined {
  const entry: CatalogueEntry | undefined = Object.hasOwn(catalogue, code)
    ? catalogue[code as Code]
    : undefined;
  if (entry === undefined) return undefined;
  const indent = (text: string) => text.replace(/^/gm, "    ");
  const example = entry.example
    ? `\n\nInstead of\n\n${indent(entry.example.wrong)}\n\nwrite\n\n${indent(entry.example.right)}`
    : "";
  return `${code}: ${entry.title}\n\n${entry.explanation}${example}\n`;
}
