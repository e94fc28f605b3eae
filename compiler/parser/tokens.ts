/**
 * The kinds of token that the grammar is written in, and the words that make them.
 *
 * Reserved words are few; the keywords of statements are ordinary names except where a statement
 * starts and what follows fits (see `arrange.ts`), so a tensor may be called `loss`, a block `attention`,
 * a parameter `table` and an argument `mask`.
 */
import type { IToken, TokenType } from "chevrotain";
import { createToken } from "chevrotain";

const token = (name: string, label: string): TokenType => createToken({ name, label });

export const Separator = token("Separator", "end of line");
export const Name = token("Name", "a name");
export const NumberToken = token("Number", "a number");
export const StringToken = token("String", "a string");

const punctuation = (name: string, text: string) => token(name, `\`${text}\``);
export const LParen = punctuation("LParen", "(");
export const RParen = punctuation("RParen", ")");
export const LBracket = punctuation("LBracket", "[");
export const RBracket = punctuation("RBracket", "]");
export const LBrace = punctuation("LBrace", "{");
export const RBrace = punctuation("RBrace", "}");
export const Comma = punctuation("Comma", ",");
export const Colon = punctuation("Colon", ":");
export const Dot = punctuation("Dot", ".");
export const Tilde = punctuation("Tilde", "~");
export const Equals = punctuation("Equals", "=");
export const PlusEquals = punctuation("PlusEquals", "+=");
export const TimesEquals = punctuation("TimesEquals", "*=");
export const Star = punctuation("Star", "*");
export const Minus = punctuation("Minus", "-");

/** Binary operators with one token kind for all; `-` and `*` have other uses and are their own kinds. */
export const Operator = token("Operator", "an operator");

export const If = punctuation("If", "if");
export const Then = punctuation("Then", "then");
export const Else = punctuation("Else", "else");
export const Where = punctuation("Where", "where");
export const As = punctuation("As", "as");
export const Not = punctuation("Not", "not");
export const True = punctuation("True", "true");
export const False = punctuation("False", "false");

export const Import = punctuation("Import", "import");
export const Model = punctuation("Model", "model");
export const Variant = punctuation("Variant", "variant");
export const Block = punctuation("Block", "block");
export const Mask = punctuation("Mask", "mask");
export const Score = punctuation("Score", "score");
export const Law = punctuation("Law", "law");
export const Param = punctuation("Param", "param");
export const Frozen = punctuation("Frozen", "frozen");
export const NoDecay = punctuation("NoDecay", "nodecay");
export const Decay = punctuation("Decay", "decay");
export const State = punctuation("State", "state");
export const Table = punctuation("Table", "table");
export const Input = punctuation("Input", "input");
export const Use = punctuation("Use", "use");
export const Repeat = punctuation("Repeat", "repeat");
export const Shared = punctuation("Shared", "shared");
export const Match = punctuation("Match", "match");
export const Output = punctuation("Output", "output");
export const Loss = punctuation("Loss", "loss");
export const Train = punctuation("Train", "train");
export const Probe = punctuation("Probe", "probe");
export const Return = punctuation("Return", "return");

/** Words that are never names (except after `.`). */
export const reserved: ReadonlyMap<string, TokenType> = new Map([
  ["if", If],
  ["then", Then],
  ["else", Else],
  ["where", Where],
  ["as", As],
  ["and", Operator],
  ["or", Operator],
  ["not", Not],
  ["true", True],
  ["false", False],
]);

export const symbols: ReadonlyMap<string, TokenType> = new Map([
  ["(", LParen],
  [")", RParen],
  ["[", LBracket],
  ["]", RBracket],
  ["{", LBrace],
  ["}", RBrace],
  [",", Comma],
  [":", Colon],
  [".", Dot],
  ["~", Tilde],
  ["=", Equals],
  ["+=", PlusEquals],
  ["*=", TimesEquals],
  ["*", Star],
  ["-", Minus],
  [";", Separator],
  ...["+", "/", "//", "%", "^", "==", "!=", "<", "<=", ">", ">="].map((text) => [text, Operator] as const),
]);

/** Keywords only where a declaration or statement starts, and not if `=`, `+=`, `*=` or `[` follows. */
export const declarationKeywords: ReadonlyMap<string, TokenType> = new Map([
  ["import", Import],
  ["model", Model],
  ["variant", Variant],
  ["block", Block],
  ["mask", Mask],
  ["score", Score],
  ["law", Law],
]);
export const statementKeywords: ReadonlyMap<string, TokenType> = new Map([
  ["param", Param],
  ["frozen", Frozen],
  ["nodecay", NoDecay],
  ["decay", Decay],
  ["state", State],
  ["table", Table],
  ["input", Input],
  ["use", Use],
  ["repeat", Repeat],
  ["match", Match],
  ["output", Output],
  ["loss", Loss],
  ["train", Train],
  ["probe", Probe],
  ["return", Return],
  ["law", Law],
]);

/** Statements of the design that this version does not have. */
export const laterKeywords: ReadonlySet<string> = new Set(["each", "scan", "decode", "weights"]);

export const vocabulary: TokenType[] = [
  Separator,
  Name,
  NumberToken,
  StringToken,
  LParen,
  RParen,
  LBracket,
  RBracket,
  LBrace,
  RBrace,
  Comma,
  Colon,
  Dot,
  Tilde,
  Equals,
  PlusEquals,
  TimesEquals,
  Star,
  Minus,
  Operator,
  If,
  Then,
  Else,
  Where,
  As,
  Not,
  True,
  False,
  Shared,
  ...new Set([...declarationKeywords.values(), ...statementKeywords.values()]),
];

/** A token of the source text; `text` is what stands there (or what is meant, where it was mended). */
export interface Token extends IToken {
  readonly startOffset: number;
  /** Inclusive, as chevrotain has it. */
  readonly endOffset: number;
}

export function makeToken(type: TokenType, image: string, start: number, end: number): Token {
  return { tokenType: type, tokenTypeIdx: type.tokenTypeIdx!, image, startOffset: start, endOffset: end - 1 };
}
