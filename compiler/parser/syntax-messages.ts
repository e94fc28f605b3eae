/**
 * What the grammar expected and what stood there → one sentence.
 *
 *     atom, `*`  →  "Expected an expression, found `*`."
 */
import type { IParserErrorMessageProvider, IToken, TokenType } from "chevrotain";
import { EOF } from "chevrotain";
import * as t from "./tokens.js";

/** Rules whose whole set of first tokens has a better name than its list. */
const expressionRules = new Set([
  "expression",
  "value",
  "conditional",
  "operation",
  "unary",
  "postfix",
  "atom",
  "case",
  "return",
]);

export function found(token: IToken): string {
  if (token.tokenType === t.Separator) return token.image === ";" ? "`;`" : "the end of the statement";
  if (token.tokenType === EOF) return token.image === "" ? "the end of the file" : token.image;
  if (token.tokenType === t.StringToken) return "a string";
  if (token.image === "") return "the end of the file";
  const image = [...token.image];
  const shown = image.length > 40 ? `${image.slice(0, 37).join("")}…` : token.image;
  return `\`${shown}\``;
}

const label = (type: TokenType): string =>
  type === t.Separator ? "the end of the statement" : (type.LABEL ?? type.name);

function oneOf(types: readonly TokenType[]): string {
  const labels = [...new Set(types.map(label))];
  return labels.length === 1 ? labels[0]! : `${labels.slice(0, -1).join(", ")} or ${labels.at(-1)}`;
}

function expected(ruleName: string, firsts: readonly TokenType[]): string {
  if (expressionRules.has(ruleName) || firsts.includes(t.NumberToken)) return "an expression";
  return oneOf(firsts);
}

export const syntaxMessages: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected: type, actual }) =>
    `Expected ${label(type)}, found ${found(actual)}.`,
  buildNotAllInputParsedMessage: ({ firstRedundant, ruleName }) =>
    `Expected ${ruleName === "file" ? "a declaration" : "the end of the string"}, found ${found(firstRedundant)}.`,
  buildNoViableAltMessage: ({ expectedPathsPerAlt, actual, ruleName }) =>
    `Expected ${expected(
      ruleName,
      expectedPathsPerAlt.flat().map((path) => path[0]!),
    )}, found ${found(actual[0]!)}.`,
  buildEarlyExitMessage: ({ expectedIterationPaths, actual, ruleName }) =>
    `Expected ${expected(
      ruleName,
      expectedIterationPaths.map((path) => path[0]!),
    )}, found ${found(actual[0]!)}.`,
};
