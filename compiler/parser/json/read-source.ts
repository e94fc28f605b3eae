/**
 * JSON text → its tree and diagnostics. Never throws; nothing beyond RFC 8259 is taken, and not all of it.
 *
 *     {"layers": 2,}  →  object{ layers: 2 }   "JSON has no comma before `}`."
 *
 * Refused beside what is no JSON: keys that stand twice, keys that JavaScript gives a meaning of its own, numbers
 * that are not finite, strings that are not Unicode text, and brackets of one kind more than 200 deep.
 */
import type { JSONScanner } from "jsonc-parser";
import { createScanner } from "jsonc-parser";
import type { Code, Diagnostic, DiagnosticDetails } from "../../diagnostics.js";
import { diagnostic } from "../../diagnostics.js";
import { nestingLimit } from "../arrange.js";
import type { Span } from "../model.js";
import { forbidden } from "../scan.js";
import { dangerousKeys } from "./dangerous.js";
import type { JsonArray, JsonMember, JsonNode, JsonObject, JsonString } from "./node.js";
import { placesOf } from "./node.js";

export interface JsonSource {
  /** Undefined where the text is not read to its end. */
  readonly root: JsonNode | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** jsonc-parser's SyntaxKind, whose declaration holds no values. */
const kinds = {
  openBrace: 1,
  closeBrace: 2,
  openBracket: 3,
  closeBracket: 4,
  comma: 5,
  colon: 6,
  null: 7,
  true: 8,
  false: 9,
  string: 10,
  number: 11,
  lineComment: 12,
  blockComment: 13,
  lineBreak: 14,
  space: 15,
  unknown: 16,
  end: 17,
} as const;

/** Its ScanError. */
const scanErrors: Readonly<Record<number, string>> = {
  2: 'The string is not closed by `"` on its line.',
  3: "The number is not finished.",
  4: "`\\u` wants four hexadecimal digits.",
  5: "This is not an escape of JSON.",
  6: "Control characters stand in no string.",
};

const startsValue = new Set<number>([
  ...[kinds.openBrace, kinds.openBracket, kinds.string, kinds.number],
  ...[kinds.true, kinds.false, kinds.null, kinds.unknown],
]);

const words: ReadonlyMap<string, string> = new Map([
  ["True", "true"],
  ["False", "false"],
  ["None", "null"],
  ["undefined", "null"],
]);

class Reader {
  readonly diagnostics: Diagnostic[] = [];
  private readonly scanner: JSONScanner;
  private readonly text: string;
  private readonly file: string;
  private token = 0;
  private start = 0;
  private end = 0;
  /** The end of the token before, where what is missing belongs. */
  private before = 0;
  private stopped = false;
  /** Strings that hold a mistake. */
  private readonly broken = new Set<JsonString>();
  private readonly open = { object: 0, array: 0 };

  constructor(text: string, file: string) {
    this.text = text;
    this.file = file;
    this.scanner = createScanner(text);
    if (text.startsWith("\ufeff")) this.scanner.setPosition(1);
  }

  read(): JsonNode | undefined {
    this.advance();
    const root = this.value();
    if (!this.stopped && this.token !== kinds.end)
      this.report("TFM1100", `Expected the end of the file, found ${this.found()}.`);
    return this.stopped ? undefined : root;
  }

  // -------------------------------------------------------------- tokens

  private advance(): void {
    this.before = this.end;
    do {
      this.token = this.scanner.scan();
      this.start = this.scanner.getTokenOffset();
      this.end = Math.min(this.text.length, this.scanner.getPosition());
      if (this.token === kinds.lineComment || this.token === kinds.blockComment) this.comment();
    } while (this.token >= kinds.lineComment && this.token <= kinds.space);
  }

  /** The scanner ends a word behind its sign. */
  private takeUpTo(end: number): void {
    this.scanner.setPosition(end);
    this.end = end;
  }

  private comment(): void {
    const fix = { message: "Remove the comment.", span: this.span(), replacement: "" };
    this.report("TFM1101", "JSON has no comments.", {
      hint: 'A model, block, mask or score may have a `"doc"`.',
      fix,
    });
  }

  private span(start = this.start, end = this.end): Span {
    return { file: this.file, start, end };
  }

  private report(code: Code, message: string, details: DiagnosticDetails = {}, span = this.span()): void {
    this.diagnostics.push(diagnostic(code, span, message, details));
  }

  private found(): string {
    if (this.token === kinds.end) return "the end of the file";
    if (this.token === kinds.string) return "a string";
    return `\`${clip(this.text.slice(this.start, this.end))}\``;
  }

  /** The rest is not read: there is no telling what was meant. */
  private stop(expected: string, details: DiagnosticDetails = {}): void {
    if (!this.stopped) this.report("TFM1100", `Expected ${expected}, found ${this.found()}.`, details);
    this.stopped = true;
  }

  // -------------------------------------------------------------- values

  private value(): JsonNode {
    const span = this.span();
    switch (this.token) {
      case kinds.openBrace:
        return this.nested("object", () => this.object());
      case kinds.openBracket:
        return this.nested("array", () => this.array());
      case kinds.string: {
        const string = this.string();
        return this.broken.has(string) ? { kind: "broken", span } : string;
      }
      case kinds.number:
        return this.number();
      case kinds.true:
      case kinds.false:
        this.advance();
        return { kind: "boolean", value: this.text[span.start] === "t", span };
      case kinds.null:
        this.advance();
        return { kind: "null", span };
      case kinds.unknown:
        return this.unknown();
      default:
        this.stop("a value");
        return { kind: "broken", span };
    }
  }

  private nested(kind: "object" | "array", read: () => JsonNode): JsonNode {
    if (++this.open[kind] > nestingLimit) {
      if (!this.stopped)
        this.report("TFM4002", `Brackets of one kind stand more than ${nestingLimit} deep here.`);
      this.stopped = true;
      return { kind: "broken", span: this.span() };
    }
    const node = read();
    this.open[kind]--;
    return node;
  }

  private object(): JsonObject {
    const start = this.start;
    const members = new Map<string, JsonMember>();
    this.list(kinds.closeBrace, "}", () => {
      const member = this.member();
      if (member && this.takesKey(member.key, members.get(member.key.value)?.key))
        members.set(member.key.value, member);
    });
    return { kind: "object", members: [...members.values()], span: this.span(start, this.before) };
  }

  private array(): JsonArray {
    const start = this.start;
    const items: JsonNode[] = [];
    this.list(kinds.closeBracket, "]", () => items.push(this.value()));
    return { kind: "array", items, span: this.span(start, this.before) };
  }

  /** Items up to the closing bracket, with commas between. */
  private list(close: number, image: string, item: () => void): void {
    this.advance();
    while (!this.stopped && this.token !== close) {
      item();
      if (this.stopped || this.token === close) break;
      this.comma(close, image);
    }
    if (!this.stopped) this.advance();
  }

  private comma(close: number, image: string): void {
    if (this.token === kinds.comma) {
      const comma = this.span();
      this.advance();
      if (this.token !== close) return;
      const fix = { message: "Remove the comma.", span: comma, replacement: "" };
      this.report("TFM1101", `JSON has no comma before \`${image}\`.`, { fix }, comma);
    } else if (startsValue.has(this.token)) {
      const place = this.span(this.before, this.before);
      const fix = { message: "Put a comma between.", span: place, replacement: "," };
      this.report("TFM1100", `Expected \`,\` or \`${image}\`, found ${this.found()}.`, { fix });
    } else this.stop(`\`,\` or \`${image}\``);
  }

  private member(): JsonMember | undefined {
    const key = this.key();
    if (key === undefined) return undefined;
    if (this.token === kinds.colon) this.advance();
    else if (startsValue.has(this.token))
      this.report("TFM1100", `Expected \`:\` behind the key, found ${this.found()}.`);
    else this.stop("`:` behind the key");
    return this.stopped ? undefined : { key, value: this.value() };
  }

  private key(): JsonString | undefined {
    if (this.token === kinds.string) return this.string();
    const raw = this.text.slice(this.start, this.end);
    if (this.token !== kinds.unknown || !/^[\w$]+$/.test(raw)) {
      this.stop('a key between `"`');
      return undefined;
    }
    const span = this.span();
    const fix = { message: "Put it between quotes.", span, replacement: `"${raw}"` };
    this.report("TFM1100", `Expected a key between \`"\`, found ${this.found()}.`, { fix });
    this.advance();
    return { kind: "string", value: raw, raw, span };
  }

  private takesKey(key: JsonString, first: JsonString | undefined): boolean {
    const name = key.value;
    if (this.broken.has(key)) return false;
    if (dangerousKeys.has(name)) this.report("TFM1103", `\`${name}\` is not allowed as a key.`, {}, key.span);
    else if (first)
      this.report(
        "TFM1102",
        `The key \`${shown(name)}\` stands twice in one object.`,
        { related: [{ message: "It stands here first.", span: first.span }] },
        key.span,
      );
    return !dangerousKeys.has(name) && !first;
  }

  // -------------------------------------------------------------- scalars

  private string(): JsonString {
    const error = this.scanner.getTokenError();
    const closed = error !== 2;
    const value = this.scanner.getTokenValue();
    const span = this.span(this.start + 1, closed ? this.end - 1 : this.end);
    const node: JsonString = { kind: "string", value, raw: this.text.slice(span.start, span.end), span };
    const mistakes = this.diagnostics.length;
    if (error !== 0) this.report("TFM1100", scanErrors[error] ?? "The string is not finished.");
    else this.checkCharacters(node);
    if (!closed) this.stopped = true;
    if (this.diagnostics.length > mistakes) this.broken.add(node);
    this.advance();
    return node;
  }

  /** A string holds what could stand in a `.tfm` file, and line breaks. */
  private checkCharacters(string: JsonString): void {
    const odd = forbidden.exec(string.value.replace(/[\t\n]/g, " "));
    if (!odd) return;
    const place = placesOf(string);
    const span = this.span(place(odd.index), place(odd.index + odd[0].length));
    const name = `U+${odd[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
    this.report("TFM1106", `The character ${name} stands in no string.`, {}, span);
  }

  private number(): JsonNode {
    const span = this.span();
    const text = this.text.slice(span.start, span.end);
    const value = Number(text);
    if (this.scanner.getTokenError() !== 0) this.report("TFM1100", scanErrors[3]!);
    else if (!Number.isFinite(value))
      this.report("TFM1105", `\`${clip(text)}\` is larger than any number here.`);
    this.advance();
    return Number.isFinite(value) ? { kind: "number", text, value, span } : { kind: "broken", span };
  }

  /** A word that is no value of JSON: `NaN`, `True`, `'x'`. */
  private unknown(): JsonNode {
    const infinite = /^[+-]?(?:NaN|Infinity|inf)\b/i.exec(this.text.slice(this.start, this.start + 12));
    if (infinite) this.takeUpTo(this.start + infinite[0].length);
    const span = this.span();
    const raw = this.text.slice(span.start, span.end);
    const meant = words.get(raw);
    if (infinite) {
      this.report("TFM1105", `\`${raw}\` is not a number of JSON.`, { hint: "Numbers are finite." });
    } else if (meant) {
      const fix = { message: `Write \`${meant}\`.`, span, replacement: meant };
      this.report("TFM1100", `Expected a value, found \`${raw}\`.`, { fix });
    } else if (raw.startsWith("'")) this.stop("a value", { hint: 'Strings stand between `"`.' });
    else if (/^[\p{L}_]+$/u.test(raw)) {
      const fix = { message: "Put it between quotes.", span, replacement: `"${raw}"` };
      this.report("TFM1100", `Expected a value, found \`${clip(raw)}\`.`, { fix });
    } else this.stop("a value");
    this.advance();
    return { kind: "broken", span };
  }
}

const clip = (text: string): string => (text.length > 40 ? `${[...text].slice(0, 37).join("")}…` : text);

/** A key may hold anything. */
const shown = (key: string): string => clip(key.replace(/[^\P{C}]|`/gu, "�"));

export function readJsonSource(text: string, file: string): JsonSource {
  const reader = new Reader(text, file);
  const root = reader.read();
  return { root, diagnostics: reader.diagnostics };
}
