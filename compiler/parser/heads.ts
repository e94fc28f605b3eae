/**
 * arranged tokens → the same without statements that start with what starts none, and a diagnostic for each.
 *
 *     { x = 1 Sep ) + 2 Sep }  →  { x = 1 Sep }      "A statement cannot start with `+`."
 *
 * After this every repetition of the grammar either enters its rule or stands before its closing brace.
 */
import type { TokenType } from "chevrotain";
import type { Diagnostic } from "../diagnostics.js";
import { diagnostic } from "../diagnostics.js";
import { found } from "./syntax-messages.js";
import * as t from "./tokens.js";

type Place = "declaration" | "statement" | "case" | "setting";

const statementHeads = new Set<TokenType>([t.Name, t.If, ...t.statementKeywords.values()]);
const heads: Readonly<Record<Place, ReadonlySet<TokenType>>> = {
  declaration: new Set(t.declarationKeywords.values()),
  statement: statementHeads,
  case: new Set([
    t.Else,
    t.Name,
    t.NumberToken,
    t.StringToken,
    t.True,
    t.False,
    t.LParen,
    t.LBracket,
    t.Minus,
    t.Not,
    t.If,
  ]),
  setting: new Set([t.Name]),
};

const depthOf = (type: TokenType): number =>
  type === t.LParen || type === t.LBracket || type === t.LBrace
    ? 1
    : type === t.RParen || type === t.RBracket || type === t.RBrace
      ? -1
      : 0;

/** The index after the statement that goes on at `from`: past its separator, or at the `}` or end that closes around it. */
export function endOfStatement(tokens: readonly { readonly tokenType: TokenType }[], from: number): number {
  let depth = 0;
  for (let i = from; i < tokens.length; i++) {
    const type = tokens[i]!.tokenType;
    if (type === t.Separator && depth <= 0) return i + 1;
    if (type === t.RBrace && depth <= 0) return i;
    depth = Math.max(0, depth + depthOf(type));
  }
  return tokens.length;
}

export function dropHeadless(tokens: readonly t.Token[], file: string, reported: ReadonlySet<number>) {
  const kept: t.Token[] = [];
  const diagnostics: Diagnostic[] = [];
  const places: Place[] = ["declaration"];
  let pending: Place = "statement";
  let brackets = 0;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    const type = token.tokenType;
    const before = kept.at(-1)?.tokenType;
    const place = places.at(-1)!;
    const starts = brackets === 0 && (before === undefined || before === t.Separator || before === t.LBrace);
    if (starts && type !== t.RBrace && !heads[place].has(type)) {
      const span = { file, start: token.startOffset, end: token.endOffset + 1 };
      if (!reported.has(token.startOffset))
        diagnostics.push(
          diagnostic("TFM1000", span, `A ${place} cannot start with ${found(token)}.`, {
            hint: hintFor(token, place),
          }),
        );
      i = Math.max(i, endOfStatement(tokens, i) - 1);
      continue;
    }
    if (type === t.Match) pending = "case";
    if (type === t.Train) pending = "setting";
    if (type === t.LBrace) {
      places.push(pending);
      pending = "statement";
    } else if (type === t.RBrace) places.pop();
    else brackets += depthOf(type);
    kept.push(token);
  }
  return { tokens: kept, diagnostics };
}

function hintFor(token: t.Token, place: Place): string | undefined {
  if (token.image === "//") return "Comments start with `#`.";
  if (place === "declaration" && statementHeads.has(token.tokenType))
    return "Statements stand inside `model … { }` or `block … { }`.";
  if (place === "declaration")
    return "A file has `import`, `model`, `variant`, `block`, `mask`, `score` and `law`.";
  if (place === "statement" && t.declarationKeywords.has(token.image))
    return `\`${token.image}\` stands outside models and blocks.`;
  return undefined;
}
