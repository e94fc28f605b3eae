/**
 * text → tokens, comments and blank lines, diagnostics. Newlines are tokens here; `arrange.ts` decides which count.
 *
 *     "x = a # sum"  →  Name x · Equals · Name a · (comment "sum")
 */
import type { Diagnostic } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import type { Span, Trivia } from "./model.js";
import type { Token } from "./tokens.js";
import { makeToken, Name, NumberToken, reserved, Separator, StringToken, symbols } from "./tokens.js";

export interface Scanned {
  readonly tokens: readonly Token[];
  readonly trivia: readonly Trivia[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Each branch is one lexical rule of spec/language.md; the last takes a run of characters that none knows. */
const lexeme = new RegExp(
  [
    "(?<space>[ \\t]+)",
    "(?<newline>\\r?\\n)",
    "(?<comment>#[^\\r\\n]*)",
    "(?<name>[\\p{XID_Start}_][\\p{XID_Continue}]*)",
    "(?<number>[0-9](?:[0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?<suffix>[\\p{XID_Continue}]*)",
    '(?<string>"(?:[^"\\\\\\r\\n]|\\\\[^\\r\\n])*)(?<close>"?)',
    "(?<quoted>'[^'\\r\\n]*'|`[^`\\r\\n]*`|‘[^’\\r\\n]*’|“[^”\\r\\n]*”)",
    "(?<foreign>\\*\\*|&&|\\|\\||:=|<>|[!](?!=)|[≤≥≠×·−÷])",
    "(?<symbol>//|==|!=|<=|>=|\\+=|\\*=|[-+*/%^<>=()[\\]{},:.~;])",
    '(?<bad>[^\\s\\p{XID_Continue}#"()[\\]{},:;.~=<>+*/%^-]+|.)',
  ].join("|"),
  "uy",
);

const foreignOperators: ReadonlyMap<string, string> = new Map([
  ["**", "^"],
  ["&&", "and"],
  ["||", "or"],
  [":=", "="],
  ["<>", "!="],
  ["!", "not"],
  ["≤", "<="],
  ["≥", ">="],
  ["≠", "!="],
  ["×", "*"],
  ["·", "*"],
  ["−", "-"],
  ["÷", "/"],
]);

/** Controls, lone surrogates, and marks that make text read in another order than it is written. */
export const forbidden = /[\p{Cc}\p{Cs}\ufffd\u202a-\u202e\u2066-\u2069]/u;

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", '"': '"', "\\": "\\" };

/** A string that does not end leaves the brackets at the end of its line to the grammar: they were meant as such. */
function lengthOf(match: RegExpExecArray): number {
  const isOpen = match.groups!["string"] !== undefined && match.groups!["close"] === "";
  return isOpen ? match[0].length - /(?<=.)[\s)\]},;]*$/u.exec(match[0])![0].length : match[0].length;
}

class Scanner {
  readonly tokens: Token[] = [];
  readonly trivia: Trivia[] = [];
  readonly diagnostics: Diagnostic[] = [];
  private position: number;
  private lineIsEmpty = true;
  private readonly text: string;
  private readonly file: string;
  private readonly end: number;

  constructor(text: string, file: string, from: number, to: number) {
    this.text = text;
    this.file = file;
    this.position = from === 0 && text.startsWith("\ufeff") ? 1 : from;
    this.end = to;
  }

  scan(): Scanned {
    while (this.position < this.end) {
      lexeme.lastIndex = this.position;
      const match = lexeme.exec(this.text);
      const length = match ? lengthOf(match) : 1;
      this.accept(match?.groups ?? { bad: this.text[this.position]! }, this.position, this.position + length);
      this.position += length;
    }
    return this;
  }

  private span(start: number, end: number): Span {
    return { file: this.file, start, end };
  }

  private accept(groups: Record<string, string | undefined>, start: number, end: number): void {
    if (groups["space"] !== undefined) return;
    const { newline, comment } = groups;
    if (newline !== undefined) this.newline(start, end);
    else if (comment !== undefined) this.comment(comment, start, end);
    else this.acceptToken(groups, start, end);
  }

  private acceptToken(groups: Record<string, string | undefined>, start: number, end: number): void {
    const { name, number, suffix, string, close, quoted, foreign, symbol, bad } = groups;
    this.lineIsEmpty = false;
    if (name !== undefined) this.name(name, start, end);
    else if (number !== undefined) this.number(number, suffix!, start, end);
    else if (string !== undefined) this.string(string.slice(1, end - start), close === '"', start, end);
    else if (quoted !== undefined) this.quoted(quoted, start, end);
    else if (foreign !== undefined) this.foreign(foreign, start, end);
    else if (symbol !== undefined) this.push(symbols.get(symbol)!, symbol, start, end);
    else this.bad(bad!, start, end);
  }

  private push(type: Token["tokenType"], image: string, start: number, end: number): void {
    this.tokens.push(makeToken(type, image, start, end));
  }

  private newline(start: number, end: number): void {
    if (this.lineIsEmpty && start > 0) this.trivia.push({ kind: "blank", span: this.span(start, end) });
    this.lineIsEmpty = true;
    this.push(Separator, "\n", start, end);
  }

  private comment(text: string, start: number, end: number): void {
    const odd = forbidden.exec(text.replaceAll("\t", " "));
    if (odd) this.bad(odd[0], start + odd.index, start + odd.index + odd[0].length);
    const content = text.slice(1).replace(/^ /, "").trimEnd();
    this.trivia.push({
      kind: "comment",
      text: content,
      trailing: !this.lineIsEmpty,
      span: this.span(start, end),
    });
    this.lineIsEmpty = false;
  }

  private name(text: string, start: number, end: number): void {
    const type = this.tokens.at(-1)?.image === "." ? Name : (reserved.get(text) ?? Name);
    this.push(type, text.normalize("NFC"), start, end);
  }

  private number(text: string, suffix: string, start: number, end: number): void {
    const finite = Number.isFinite(Number(text));
    const grouped = /^(_[0-9]+)+$/.test(suffix);
    if (suffix !== "" || !finite) {
      const whole = text + suffix;
      const replacement = grouped ? whole.replaceAll("_", "") : text;
      const message = finite
        ? `\`${whole}\` is not a number.`
        : `\`${whole}\` is larger than any number here.`;
      const fix = grouped
        ? {
            message: `Write \`${replacement}\`: digits are not grouped.`,
            span: this.span(start, end),
            replacement,
          }
        : undefined;
      this.diagnostics.push(diagnostic("TFM1005", this.span(start, end), message, { fix }));
    }
    this.push(NumberToken, finite ? (grouped ? text + suffix.replaceAll("_", "") : text) : "0", start, end);
  }

  private string(raw: string, closed: boolean, start: number, end: number): void {
    const odd = forbidden.exec(raw.replaceAll("\t", " "));
    if (odd) this.bad(odd[0], start + 1 + odd.index, start + 1 + odd.index + odd[0].length);
    const unknown = [...raw.matchAll(/\\(.)/gu)].find((m) => escapes[m[1]!] === undefined);
    const at = start + 1 + (unknown?.index ?? 0);
    if (!closed)
      this.diagnostics.push(
        diagnostic("TFM1003", this.span(start, end), 'The string is not closed by `"` on its line.'),
      );
    else if (unknown)
      this.diagnostics.push(
        diagnostic("TFM1003", this.span(at, at + unknown[0].length), `\`${unknown[0]}\` is not an escape.`, {
          hint: 'The escapes are `\\"`, `\\\\`, `\\n` and `\\t`.',
        }),
      );
    this.push(
      StringToken,
      raw.replace(/\\(.)/gu, (_, c: string) => escapes[c] ?? c),
      start,
      end,
    );
  }

  /** A string between the quotation marks of other languages. */
  private quoted(text: string, start: number, end: number): void {
    const content = text.slice(1, -1);
    const fix = {
      message: 'Strings stand between `"`.',
      span: this.span(start, end),
      replacement: `"${content}"`,
    };
    const plain = !/["\\]/.test(content) && !forbidden.test(content);
    this.diagnostics.push(
      diagnostic("TFM1001", this.span(start, start + 1), `\`${text[0]}\` is not part of the language.`, {
        ...(plain ? { fix } : { hint: fix.message }),
      }),
    );
    this.push(StringToken, content, start, end);
  }

  private foreign(text: string, start: number, end: number): void {
    const replacement = foreignOperators.get(text)!;
    const span = this.span(start, end);
    const fix = {
      message: `Write \`${replacement}\`.`,
      span,
      replacement: /^[a-z]/.test(replacement) ? ` ${replacement} ` : replacement,
    };
    this.diagnostics.push(diagnostic("TFM1006", span, `\`${text}\` is not an operator here.`, { fix }));
    this.push((symbols.get(replacement) ?? reserved.get(replacement))!, replacement, start, end);
  }

  private bad(text: string, start: number, end: number): void {
    const shown = [...text]
      .slice(0, 12)
      .map((c) =>
        forbidden.test(c) || /\s/u.test(c)
          ? `U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`
          : c,
      )
      .join("");
    const hint = text.startsWith("'") ? 'Strings stand between `"`.' : undefined;
    this.diagnostics.push(
      diagnostic("TFM1001", this.span(start, end), `\`${shown}\` is not part of the language.`, { hint }),
    );
  }
}

/** The tokens between two offsets, where lines begin. */
export function scan(text: string, file: string, from = 0, to = text.length): Scanned {
  return new Scanner(text, file, from, to).scan();
}
