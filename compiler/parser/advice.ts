/**
 * A syntax error and the text around it → what was probably meant: the habits of other languages.
 *
 * ```
 * mlp(x, hidden = 4 * d)     Expected `)`, found `=`.     = fix: Name an argument with `:`.
 * repeat layers:             Expected `{`, found `:`.     = hint: A body stands in `{ … }`.
 * ```
 */
import type { Diagnostic } from "../diagnostics.js";

interface Around {
  readonly d: Diagnostic;
  /** Of the same line. */
  readonly before: string;
  readonly after: string;
}

interface Advice {
  readonly hint?: string;
  readonly fix?: Diagnostic["fix"];
}

interface Row {
  readonly message: RegExp;
  readonly before?: RegExp;
  readonly after?: RegExp;
  /** The matches of message, before and after. */
  readonly advice: (around: Around, m: RegExpExecArray, b: RegExpExecArray, a: RegExpExecArray) => Advice;
}

/** Replaces what is found, or `length` characters that start `from` after it. */
function replace(
  { d: { span } }: Around,
  message: string,
  replacement: string,
  from = 0,
  length = span.end - span.start - from,
): Advice {
  const start = span.start + from;
  return { fix: { message, span: { file: span.file, start, end: start + length }, replacement } };
}

const hint = (text: string) => (): Advice => ({ hint: text });
const braces = "A body stands in `{ … }`; indentation means nothing.";
const functions = "A function is a block, outside models: `block f(x[t, d]) { … return y }`.";

/** Words that start statements elsewhere. */
const foreignWords: Readonly<Record<string, string>> = {
  ...Object.fromEntries(["for", "while", "loop"].map((word) => [word, "Repetition is `repeat n { … }`."])),
  ...Object.fromEntries(["def", "fn", "func", "function"].map((word) => [word, functions])),
  class: "A model is `model name { … }`, a part of one is `block name(…) { … }`.",
  from: 'A whole file is brought in: `import "file.tfm"`.',
  elif: "Write `else if`.",
};

const rows: readonly Row[] = [
  {
    message: /cannot start with `\/\/`/,
    advice: (around) => replace(around, "Comments start with `#`.", "#"),
  },
  {
    message: /cannot start with (?:`\/`|a string)/,
    after: /^(?:\/\*|"")/,
    advice: hint("Comments start with `#` and go to the end of the line."),
  },
  {
    message: /^Expected the end of the statement/,
    before: /\/\/(\s*[\p{L}_][\p{L}\p{N}_]*\s*)$/u,
    advice: (around, _, b) => replace(around, "Comments start with `#`.", "#", -b[0].length, 2),
  },
  {
    message: /^Expected `\)`, found `=`/,
    before: /[(,]\s*[\p{L}_][\p{L}\p{N}_]*(\s*)$/u,
    advice: (around, _, b) =>
      replace(around, "Name an argument with `:`.", ":", -b[1]!.length, b[1]!.length + 1),
  },
  {
    message: /^Expected `=`.*found `:`/,
    advice: (around) => replace(around, "Write `=`.", "="),
  },
  {
    message: /^Expected `\)`, found `:`/,
    before: /^\s*(?:model|block)\b[^()]*\([^()]*[\p{L}_][\p{L}\p{N}_]*(\s*)$/u,
    advice: (around, _, b) =>
      replace(around, "A default value is written with `=`.", " =", -b[1]!.length, b[1]!.length + 1),
  },
  { message: /found `:`/, before: /^[\s}]*(?:if|else|repeat|match|for|while)\b/, advice: hint(braces) },
  {
    message: /^`(?:let|var|const|val)` starts no/,
    after: /^\w+\s+/,
    advice: (around, _, __, a) => replace(around, "An assignment has no keyword.", "", 0, a[0].length),
  },
  {
    message: /^`(\w+)` starts no/,
    advice: (_, m) => (Object.hasOwn(foreignWords, m[1]!) ? { hint: foreignWords[m[1]!]! } : {}),
  },
  { message: /found `elif`/, advice: (around) => replace(around, "Write `else if`.", "else if") },
  {
    message: /end of the statement, found `=`/,
    before: /^\s*(?:\w+\s+)*param\b[^=~]*$/,
    advice: (around) => replace(around, "What a parameter starts as is written with `~`.", "~"),
  },
  {
    message: /found `=`/,
    before: /^[\s}]*(?:else\s+)?if\b/,
    advice: (around) => replace(around, "Equality is written `==`.", "=="),
  },
  { message: /found `is`/, advice: (around) => replace(around, "Equality is written `==`.", "==") },
  {
    message: /^Expected `=`, found the end of the statement/,
    before: /^\s*(?:output|probe)\s+([\p{L}_][\p{L}\p{N}_]*)(\s*)$/u,
    advice: (around, _, b) =>
      replace(around, `Write \`${b[1]} = ${b[1]}\`.`, ` = ${b[1]}`, -b[2]!.length, b[2]!.length),
  },
  { message: /^Expected `else`/, advice: hint("A choice of statements is `if … { … }`.") },
  {
    message: /^Expected the end of the statement, found `,`/,
    after: /^,\s*[\p{L}_][\p{L}\p{N}_]*\s*=/u,
    advice: (around) => replace(around, "Write `;`, or a line each.", ";"),
  },
  { message: /^Expected `=`.*found `,`/, advice: hint("One assignment makes one tensor.") },
  {
    message: /^Expected a string/,
    before: /^\s*import\s+$/,
    after: /^[\w./-]+/,
    advice: (around, _, __, a) => replace(around, "The path is a string.", `"${a[0]}"`, 0, a[0].length),
  },
  {
    message: /^Expected `=`, found `{`/,
    before: /^\s*(mask|score)\b/,
    advice: (_, __, b) => ({ hint: `A ${b[1]} is one formula: \`${b[1]} near(i, j) = …\`.` }),
  },
  {
    message: /^Expected `\]`, found `\d/,
    before: /^\s*[\p{L}_][\p{L}\p{N}_]*\[[^\]]*$/u,
    advice: hint("Indices on the left are names; one place is chosen by `if i == 0 then … else …`."),
  },
  {
    message: /found `in`/,
    before: /^\s*repeat\b/,
    advice: hint("The count alone stands here: `repeat layers { … }`."),
  },
  { message: /./, before: /=\s*lambda\s*$/, advice: hint(functions) },
  {
    message: /^`@` is not part/,
    advice: hint("A product of matrices is written with indices: `y[i, n] = x[i, m] * w[m, n]`."),
  },
  { message: /^`\?` is not part/, advice: hint("A choice is `if … then … else …`.") },
  { message: /^`\|` is not part/, advice: hint("Logic is `or`; a function is called: `f(x)`.") },
  { message: /^`&` is not part/, advice: hint("Logic is `and`.") },
  {
    message: /^`\\` is not part/,
    advice: hint("A statement goes on after an operator or a comma, and inside `()` and `[]`."),
  },
  {
    message: /^`U\+(?:00A0|2000|2001|2002|2003|2007|2008|2009|200A|202F|205F|3000)+` is not part/,
    advice: (around) => replace(around, "Write a plain space.", " "),
  },
  {
    message: /^`([\d.]+)([\p{L}_][\p{L}\p{N}_]*)` is not a number/u,
    advice: (around, m) => replace(around, `Write \`${m[1]} * ${m[2]}\`.`, `${m[1]} * ${m[2]}`),
  },
];

const anything = /(?:)/;

/** The diagnostic with advice, where it has no fix yet and a row knows it. */
export function advised(d: Diagnostic, text: string): Diagnostic {
  if (d.fix !== undefined || !d.code.startsWith("TFM10")) return d;
  const lineStart = d.span.start === 0 ? 0 : text.lastIndexOf("\n", d.span.start - 1) + 1;
  const before = text.slice(lineStart, d.span.start).replace(/\r$/, "");
  const after = /^[^\r\n]*/.exec(text.slice(d.span.start))![0];
  const around: Around = { d, before, after };
  for (const row of rows) {
    const m = row.message.exec(d.message);
    const b = (row.before ?? anything).exec(before);
    const a = (row.after ?? anything).exec(after);
    if (!m || !b || !a) continue;
    const { hint: said, fix } = row.advice(around, m, b, a);
    if (fix) return { ...d, fix, hint: undefined };
    return said === undefined ? d : { ...d, hint: said };
  }
  return d;
}
