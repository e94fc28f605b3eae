/**
 * scanned tokens → the tokens the grammar reads: brackets balanced, every statement ended by one
 * Separator, keywords told from names, nesting limited.
 *
 *     "{ loss = f(a,⏎ b)⏎⏎ loss x }"  →  { Name(loss) = f ( a , b ) Sep Loss x Sep }
 *
 * Brackets are mended here rather than in the grammar, because a newline means something else inside them:
 * one forgotten `)` would otherwise swallow the rest of the file.
 */
import type { TokenType } from "chevrotain";
import type { Diagnostic } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import { nearest } from "../nearest.js";
import * as t from "./tokens.js";

export const nestingLimit = 200;
/** Operators that one expression may chain, over all brackets it stands in: bounds the depth of the tree. */
export const chainLimit = 1000;

export interface Arranged {
  readonly tokens: readonly t.Token[];
  readonly diagnostics: readonly Diagnostic[];
  /** Offsets of first words of statements that a diagnostic already speaks of. */
  readonly reported: ReadonlySet<number>;
}

interface Open {
  readonly token: t.Token;
  readonly close: TokenType;
  /** The braces of `match`: what stands at the start of a line there is a pattern. */
  readonly cases: boolean;
  /** Operators since the last comma or separator directly inside. */
  chain: number;
}

const closers: ReadonlyMap<TokenType, TokenType> = new Map([
  [t.LParen, t.RParen],
  [t.LBracket, t.RBracket],
  [t.LBrace, t.RBrace],
]);
const closing = new Set(closers.values());
const chained = new Set([t.Operator, t.Star, t.Minus, t.Not, t.Where, t.Dot, t.If]);
/** A line that ends in one of these goes on. */
const continuing = new Set([
  t.Operator,
  t.Star,
  t.Minus,
  t.Comma,
  t.Colon,
  t.Dot,
  t.Tilde,
  t.Equals,
  t.PlusEquals,
  t.TimesEquals,
  t.If,
  t.Then,
  t.Else,
  t.Where,
  t.As,
  t.Not,
]);
const operandEnds = new Set([t.Name, t.NumberToken, t.StringToken, t.RParen, t.RBracket, t.True, t.False]);
const assigning = new Set([t.Equals, t.PlusEquals, t.TimesEquals]);
const notAfterKeyword = new Set([...assigning, t.LBracket]);
const neverAfterName = new Set([t.Name, t.NumberToken, t.StringToken, t.LBrace]);
const marks = new Set([t.Frozen, t.NoDecay, t.Decay]);
/** How far to look for the partner of a bracket across lines. */
const lookahead = 2000;

class Arranger {
  readonly tokens: t.Token[] = [];
  readonly diagnostics: Diagnostic[] = [];
  readonly reported = new Set<number>();
  private readonly stack: Open[] = [];
  private outerChain = 0;
  private totalChain = 0;
  private matchPending = false;
  private stopped = false;

  private readonly raw: readonly t.Token[];
  private readonly file: string;
  /** A piece of a statement: no word in it is a keyword, and no separator ends it. */
  private readonly piece: boolean;

  constructor(raw: readonly t.Token[], file: string, piece: boolean) {
    this.raw = raw;
    this.file = file;
    this.piece = piece;
  }

  arrange(): Arranged {
    for (let i = 0; i < this.raw.length && !this.stopped; i++) this.accept(i);
    if (this.stopped) this.tokens.length = 0;
    else this.finish();
    return this;
  }

  private get last(): t.Token | undefined {
    return this.tokens.at(-1);
  }
  private get top(): Open | undefined {
    return this.stack.at(-1);
  }
  private get inBrackets(): boolean {
    return this.top !== undefined && this.top.close !== t.RBrace;
  }

  private report(code: "TFM1002" | "TFM4002", at: t.Token, message: string, hint?: string): void {
    const span = { file: this.file, start: at.startOffset, end: at.endOffset + 1 };
    this.diagnostics.push(diagnostic(code, span, message, { hint }));
  }

  private accept(i: number): void {
    const token = this.raw[i]!;
    const type = token.tokenType;
    if (type === t.Separator) this.separator(i);
    else if (closers.has(type)) this.open(token);
    else if (closing.has(type)) this.close(token);
    else if (type === t.Name) this.word(i);
    else this.push(token);
  }

  private push(token: t.Token): void {
    if (chained.has(token.tokenType)) this.chain(token, token.tokenType === t.If ? 5 : 1);
    if (token.tokenType === t.Comma || token.tokenType === t.Separator) this.endChain();
    this.tokens.push(token);
  }

  private synthesize(type: TokenType): void {
    const at = this.last ? this.last.endOffset + 1 : 0;
    this.push(t.makeToken(type, "", at, at));
  }

  // ------------------------------------------------------------- limits

  private chain(token: t.Token, weight: number): void {
    if (this.top) this.top.chain += weight;
    else this.outerChain += weight;
    this.totalChain += weight;
    if (this.totalChain > chainLimit)
      this.stop(token, `One expression chains more than ${chainLimit} operators here.`);
  }

  private endChain(): void {
    this.totalChain -= this.top ? this.top.chain : this.outerChain;
    if (this.top) this.top.chain = 0;
    else this.outerChain = 0;
  }

  private stop(token: t.Token, message: string): void {
    if (!this.stopped) this.report("TFM4002", token, message, "Give parts of it names.");
    this.stopped = true;
  }

  // ----------------------------------------------------------- brackets

  private open(token: t.Token): void {
    if (token.tokenType === t.LBrace && this.inBrackets) this.closeBrackets();
    this.chain(token, 1);
    if (this.stack.length >= nestingLimit) {
      this.stop(token, `Brackets stand more than ${nestingLimit} deep here.`);
      return;
    }
    const cases = token.tokenType === t.LBrace && this.matchPending;
    if (cases) this.matchPending = false;
    this.tokens.push(token);
    this.stack.push({ token, close: closers.get(token.tokenType)!, cases, chain: 0 });
  }

  private close(token: t.Token): void {
    const type = token.tokenType;
    if (type === t.RBrace && this.inBrackets && this.stack.some((o) => o.close === type))
      this.closeBrackets();
    if (this.inBrackets && this.top!.close !== type && this.closedBelow(type)) this.closeTop(true);
    if (this.top?.close === type) this.closeWith(token);
    else this.report("TFM1002", token, `\`${token.image}\` closes nothing.`);
  }

  private closeWith(token: t.Token): void {
    const type = token.tokenType;
    if (type === t.RBrace) this.endStatement();
    else if (this.last?.tokenType === t.Comma && this.tokens.at(-2)?.tokenType !== t.Comma)
      this.dropTrailingComma();
    this.pop();
    this.tokens.push(token);
  }

  /** Whether a bracket of this kind is open right below the innermost one. */
  private closedBelow(type: TokenType): boolean {
    return this.stack.at(-2)?.close === type;
  }

  private dropTrailingComma(): void {
    const before = this.tokens.at(-2)?.tokenType;
    if (before !== t.LParen && before !== t.LBracket) this.tokens.pop();
  }

  private pop(): void {
    this.totalChain -= this.stack.pop()!.chain;
  }

  private closeTop(report: boolean): void {
    const { token, close } = this.top!;
    if (report) this.report("TFM1002", token, `\`${token.image}\` is not closed.`);
    if (close === t.RBrace) this.endStatement();
    this.pop();
    const at = this.last!.endOffset + 1;
    this.tokens.push(t.makeToken(close, "", at, at));
  }

  /** Closes what is open up to the next brace, with one diagnostic for the innermost bracket. */
  private closeBrackets(): void {
    for (let first = true; this.inBrackets; first = false) this.closeTop(first);
  }

  private endStatement(): void {
    const type = this.last?.tokenType;
    if (type !== undefined && type !== t.Separator && type !== t.LBrace) this.synthesize(t.Separator);
  }

  private finish(): void {
    this.closeBrackets();
    for (let first = true; this.top; first = false) this.closeTop(first);
    if (!this.piece) this.endStatement();
  }

  // ---------------------------------------------------------- separators

  private separator(i: number): void {
    const token = this.raw[i]!;
    if (token.image === "\n") this.newline(i);
    else if (!this.atStart()) this.push(token);
  }

  private newline(i: number): void {
    const next =
      this.raw.slice(i + 1, i + 50).findIndex((r) => r.tokenType !== t.Separator || r.image !== "\n") + i + 1;
    if (this.inBrackets) {
      if (!this.statementForgotABracket(next)) return;
      this.closeBrackets();
    }
    const type = this.last?.tokenType;
    if (this.atStart() || (continuing.has(type!) && !this.startsStatement(next))) return;
    const nextType = this.raw[next]?.tokenType;
    if (nextType === t.Else || nextType === t.Then) return;
    this.push(this.raw[i]!);
  }

  /** `y = …` or `output y`: what goes on with an expression looks otherwise, so the line above was left unfinished. */
  private startsStatement(i: number): boolean {
    if (this.inBrackets || this.raw[i]?.tokenType !== t.Name) return false;
    const after = this.raw[i + 1]?.tokenType;
    return after !== undefined && (assigning.has(after) || after === t.Name);
  }

  /** Two operands on two lines inside a bracket that closes nowhere before the next brace. */
  private statementForgotABracket(next: number): boolean {
    const first = this.raw[next]?.tokenType;
    if (!operandEnds.has(this.last!.tokenType)) return false;
    if (first !== t.Name && first !== t.If) return false;
    let depth = this.stack.length - 1 - this.stack.map((o) => o.close === t.RBrace).lastIndexOf(true);
    for (let i = next; i < Math.min(this.raw.length, next + lookahead); i++) {
      const type = this.raw[i]!.tokenType;
      if (type === t.LBrace || type === t.RBrace) return true;
      if (closers.has(type)) depth++;
      if (closing.has(type) && --depth === 0) return false;
    }
    return true;
  }

  private atStart(): boolean {
    const type = this.last?.tokenType;
    return type === undefined || type === t.Separator || type === t.LBrace;
  }

  // --------------------------------------------------------------- words

  private word(i: number): void {
    const token = this.raw[i]!;
    const last = this.last?.tokenType;
    const next = this.raw[i + 1]?.tokenType;
    const starts =
      !this.piece &&
      ((this.atStart() && !this.inBrackets && !this.top?.cases) || (last !== undefined && marks.has(last)));
    if (last === t.Repeat && token.image === "shared") this.shared(i);
    else if (!starts || (next !== undefined && notAfterKeyword.has(next))) this.push(token);
    else this.firstWord(i);
  }

  private firstWord(i: number): void {
    const token = this.raw[i]!;
    const isOuter = t.declarationKeywords.has(token.image) && !t.statementKeywords.has(token.image);
    if (isOuter && this.stack.length > 0) this.closeBracesBefore(i);
    const type = t.declarationKeywords.get(token.image) ?? t.statementKeywords.get(token.image);
    const next = this.raw[i + 1]?.tokenType;
    if (type) this.keyword(token, type);
    else if (next !== undefined && neverAfterName.has(next)) this.unknownWord(token);
    else this.push(token);
  }

  private keyword(token: t.Token, type: TokenType): void {
    if (type === t.Match) this.matchPending = true;
    this.push(t.makeToken(type, token.image, token.startOffset, token.endOffset + 1));
  }

  private shared(i: number): void {
    const next = this.raw[i + 1]?.tokenType;
    const isKeyword = next === t.Name || next === t.NumberToken || next === t.LParen;
    if (isKeyword) this.keyword(this.raw[i]!, t.Shared);
    else this.push(this.raw[i]!);
  }

  /** A declaration at the left margin inside braces: a `}` was forgotten before it. */
  private closeBracesBefore(i: number): void {
    const before = this.raw[i - 1];
    const atMargin = before?.image === "\n" && before.endOffset + 1 === this.raw[i]!.startOffset;
    if (!atMargin || this.raw[i + 1]?.tokenType !== t.Name) return;
    for (let first = true; this.top; first = false) this.closeTop(first);
    this.endStatement();
  }

  /** `repaet layers {`: a word that starts no statement, followed by what no assignment has there. */
  private unknownWord(token: t.Token): void {
    const span = { file: this.file, start: token.startOffset, end: token.endOffset + 1 };
    const keywords =
      this.stack.length === 0 ? t.declarationKeywords : new Map([...t.statementKeywords, ["if", t.If]]);
    const isLater = t.laterKeywords.has(token.image);
    const meant = isLater ? undefined : nearest(token.image, keywords.keys());
    const fix =
      meant === undefined ? undefined : { message: `Write \`${meant}\`.`, span, replacement: meant };
    const what = this.stack.length === 0 ? "declaration" : "statement";
    this.reported.add(token.startOffset);
    this.diagnostics.push(
      isLater
        ? diagnostic("TFM1010", span, `\`${token.image}\` is not in this version of the language.`)
        : diagnostic("TFM1004", span, `\`${token.image}\` starts no ${what}.`, { fix }),
    );
    if (meant === undefined) this.push(token);
    else this.keyword(token, keywords.get(meant)!);
  }
}

export function arrange(raw: readonly t.Token[], file: string, piece = false): Arranged {
  return new Arranger(raw, file, piece).arrange();
}
