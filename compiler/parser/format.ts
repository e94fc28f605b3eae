/**
 * Model → canonical `.tfm` text. Reading it again gives an equal Model (but for spans); formatting that changes nothing.
 *
 *     model m{x=a+b*(c);y=x}   →   model m {
 *                                    x = a + b * c
 *                                    y = x
 *                                  }
 *
 * Comments stay with the statement they stand before or behind; those inside a statement move before it.
 */
import { formatCount, formatExpression, formatOperand, indicesText, quoted } from "./format-expression.js";
import type { Layout } from "./layout.js";
import { bracketed, layOut } from "./layout.js";
import type {
  BlockDeclaration,
  Declaration,
  Expression,
  IfStatement,
  MatchStatement,
  Model,
  ModelDeclaration,
  Name,
  Parameter,
  Span,
  Statement,
  TrainStatement,
  Trivia,
} from "./model.js";
import { renamed } from "./rename-text.js";

export const lineWidth = 110;

export function formatModel(model: Model): string {
  return new Formatter(model.trivia ?? []).model(model);
}

class Formatter {
  private readonly lines: string[] = [];
  private readonly trivia: readonly Trivia[];
  private next = 0;
  private depth = 0;

  constructor(trivia: readonly Trivia[]) {
    this.trivia = trivia;
  }

  model(model: Model): string {
    model.declarations.forEach((d, i) => {
      const before = model.declarations[i - 1];
      if (before && (hasBody(before) || hasBody(d))) this.blank();
      this.declaration(d);
      this.trailing(d.span.end, model.declarations[i + 1]?.span.start);
    });
    this.flush(Number.POSITIVE_INFINITY);
    while (this.lines.at(-1) === "") this.lines.pop();
    return this.lines.length === 0 ? "" : `${this.lines.join("\n")}\n`;
  }

  // ----------------------------------------------------- lines and trivia

  private write(layout: Layout): void {
    const text = layOut(layout, this.depth, lineWidth);
    this.lines.push(...`${"  ".repeat(this.depth)}${text}`.split("\n").map((l) => l.trimEnd()));
  }

  private comment(text: string): void {
    for (const part of text.split("\n")) this.write(`# ${part}`.trimEnd());
  }

  /** One empty line, unless there is one, or nothing stands above it in its block. */
  private blank(): void {
    const last = this.lines.at(-1);
    if (last !== undefined && last !== "" && !this.opened) this.lines.push("");
  }

  private opened = false;

  /** What stands before an offset, on lines of its own. */
  private flush(offset: number, blanks = true): void {
    for (; this.next < this.trivia.length; this.next++) {
      const item = this.trivia[this.next]!;
      if (item.span.start >= offset) return;
      if (item.kind === "comment") {
        this.comment(item.text);
        this.opened = false;
      } else if (item.kind === "blank" && blanks) this.blank();
    }
  }

  /** The last mark of a kind before an offset, of those that are still to come. */
  private mark(kind: "else" | "open", before: number): Span | undefined {
    let found: Span | undefined;
    for (let i = this.next; i < this.trivia.length; i++) {
      const { kind: other, span } = this.trivia[i]!;
      if (span.start >= before) break;
      if (other === kind) found = span;
    }
    return found;
  }

  private hasComment(before: number): boolean {
    for (let i = this.next; i < this.trivia.length && this.trivia[i]!.span.start < before; i++)
      if (this.trivia[i]!.kind === "comment") return true;
    return false;
  }

  /** A comment behind what ends at `end`, on the same line as it. */
  private trailing(end: number, before = Number.POSITIVE_INFINITY): void {
    let item = this.trivia[this.next];
    while ((item?.kind === "else" || item?.kind === "open") && item.span.start < before)
      item = this.trivia[++this.next];
    if (item?.kind !== "comment" || !item.trailing || item.span.start < end || item.span.start >= before)
      return;
    this.next++;
    this.lines.push(`${this.lines.pop()}  # ${item.text}`.trimEnd());
  }

  // --------------------------------------------------------- declarations

  private declaration(d: Declaration): void {
    this.flush(d.span.start);
    if (!hasBody(d)) {
      const above = this.lines.length;
      this.flush(d.span.end, false);
      // Right above a formula a comment would become its doc.
      if (this.lines.length > above) this.blank();
    }
    if ("doc" in d && d.doc !== "") this.comment(d.doc);
    switch (d.kind) {
      case "import":
        this.write(`import ${quoted(d.path)}`);
        break;
      case "law":
        this.write([`law ${d.name.text}: `, formatExpression(d.claim)]);
        break;
      case "mask":
      case "score": {
        const captures = d.captures.length > 0 ? bracketed("(", d.captures.map(parameter), ")") : "";
        const args = `(${d.arguments.map((a) => a.text).join(", ")})`;
        this.write([`${d.kind} ${d.name.text}`, captures, args, " = ", formatExpression(d.value)]);
        break;
      }
      case "model":
      case "block": {
        this.parametersAndBody(d);
        break;
      }
      default:
        d satisfies never;
    }
    this.opened = false;
  }

  /** Where comments stand among the parameters, each has a line of its own. */
  private parametersAndBody(d: ModelDeclaration | BlockDeclaration): void {
    const first = d.parameters[0];
    const close = first && this.mark("open", d.body[0]?.span.start ?? d.span.end);
    if (!close || !this.hasComment(close.start)) {
      this.block(header(d), d.body, d.span);
      return;
    }
    this.write(`${d.kind} ${d.name.text}(`);
    this.trailing(0, first.span.start);
    this.depth++;
    d.parameters.forEach((p, i) => {
      const next = d.parameters[i + 1]?.span.start;
      this.flush(p.span.start, false);
      this.write([parameter(p), next === undefined ? "" : ","]);
      this.trailing(p.span.end, next ?? close.start);
    });
    this.flush(close.start, false);
    this.depth--;
    this.block(")", d.body, d.span);
  }

  /** `header { … }`; `span` ends behind the closing brace. */
  private block(header: Layout, body: readonly Statement[], span: Span): void {
    this.open(header, body[0]?.span.start ?? span.end);
    this.statements(body, span.end);
    this.close();
  }

  private open(header: Layout, until: number): void {
    this.write([header, " {"]);
    this.trailing(0, until);
    this.depth++;
    this.opened = true;
  }

  private close(rest: Layout = ""): void {
    while (this.lines.at(-1) === "") this.lines.pop();
    this.depth--;
    this.opened = false;
    this.write(["}", rest]);
  }

  private statements(body: readonly Statement[], end: number, flushEnd = true): void {
    body.forEach((s, i) => {
      this.flush(s.span.start);
      this.statement(s);
      this.opened = false;
      this.trailing(s.span.end, body[i + 1]?.span.start ?? end);
    });
    if (flushEnd) this.flush(end);
  }

  // ----------------------------------------------------------- statements

  private statement(s: Statement): void {
    switch (s.kind) {
      case "repeat": {
        const as = s.index ? ` as ${s.index.text}` : "";
        this.block(
          ["repeat ", s.shared ? "shared " : "", formatCount(s.count, s.shared, s.index !== undefined), as],
          s.body,
          s.span,
        );
        break;
      }
      case "if":
        this.choice(s, ["if ", formatExpression(s.condition)]);
        break;
      case "match":
        this.match(s);
        break;
      case "train":
        this.train(s);
        break;
      default:
        this.simple(simpleStatement(s), s.span);
    }
  }

  private simple(layout: Layout, span: Span): void {
    this.flush(span.end, false);
    this.write(layout);
  }

  private choice(s: IfStatement, header: Layout): void {
    const otherwise = s.otherwise[0];
    const start = otherwise?.span.start ?? s.span.end;
    const mark = otherwise && this.mark("else", start);
    const end = mark?.start ?? start;
    this.open(header, s.then[0]?.span.start ?? end);
    this.statements(s.then, end, otherwise === undefined || mark !== undefined);
    if (otherwise === undefined) {
      this.close();
      return;
    }
    if (mark) this.behindBrace(mark.end);
    this.depth--;
    while (this.lines.at(-1) === "") this.lines.pop();
    if (otherwise.kind === "if" && s.otherwise.length === 1) {
      this.choice(otherwise, ["} else if ", formatExpression(otherwise.condition)]);
      return;
    }
    this.open("} else", otherwise.span.start);
    this.statements(s.otherwise, s.span.end);
    this.close();
  }

  /** A comment behind the `}` before `else` speaks of what stands before. */
  private behindBrace(end: number): void {
    for (let item = this.trivia[this.next]; item && item.span.start < end; item = this.trivia[this.next]) {
      if (item.kind === "comment" && !item.trailing) return;
      this.next++;
      if (item.kind === "comment") this.comment(item.text);
    }
  }

  private train(s: TrainStatement): void {
    this.open("train", s.settings[0]?.span.start ?? s.span.end);
    s.settings.forEach((setting, i) => {
      this.flush(setting.span.start);
      this.opened = false;
      this.simple([`${setting.name.text} = `, formatExpression(setting.value)], setting.span);
      this.trailing(setting.span.end, s.settings[i + 1]?.span.start ?? s.span.end);
    });
    this.flush(s.span.end);
    this.close();
  }

  private match(s: MatchStatement): void {
    this.open(["match ", formatOperand(s.value)], s.cases[0]?.span.start ?? s.span.end);
    s.cases.forEach((k, i) => {
      this.flush(k.span.start);
      const patterns = k.patterns?.map((p) => formatExpression(p)) ?? ["else"];
      this.block(
        patterns.flatMap((p, n) => (n === 0 ? [p] : [", ", p])),
        k.body,
        k.span,
      );
      this.trailing(k.span.end, s.cases[i + 1]?.span.start ?? s.span.end);
    });
    this.flush(s.span.end);
    this.close();
  }
}

function header(d: ModelDeclaration | BlockDeclaration): Layout {
  const list = bracketed("(", d.parameters.map(parameter), ")");
  if (d.kind === "block") return [`block ${d.name.text}`, list];
  const word = d.variant ? "variant" : "model";
  if (d.base) return `${word} ${d.name.text} : ${d.base.text}`;
  return [`${word} ${d.name.text}`, d.parameters.length > 0 ? list : ""];
}

const hasBody = (d: Declaration): boolean => d.kind === "model" || d.kind === "block";

const list = (names: readonly Name[]): string => names.map((n) => n.text).join(", ");

const sizes = (items: readonly Expression[]): Layout => bracketed("[", items.map(formatExpression), "]");

function parameter(p: Parameter): Layout {
  const axes = p.axes === undefined ? "" : p.axes === "any" ? "[*]" : `[${list(p.axes)}]`;
  return [p.name.text, axes, p.defaultValue ? [" = ", formatExpression(p.defaultValue)] : ""];
}

type Simple = Exclude<Statement, { readonly kind: "repeat" | "if" | "match" | "train" }>;

function simpleStatement(s: Simple): Layout {
  switch (s.kind) {
    case "param": {
      const marks = [s.frozen ? "frozen " : "", s.decay === undefined ? "" : s.decay ? "decay " : "nodecay "];
      const entries = s.entries.map(
        (e, i): Layout => [i === 0 ? "" : ", ", e.name.text, e.sizes.length > 0 ? sizes(e.sizes) : ""],
      );
      const init = s.init ? [" ~ ", formatExpression(s.init)] : "";
      return [...marks, "param ", entries, init, s.condition ? [" if ", formatExpression(s.condition)] : ""];
    }
    case "state":
      return [`state ${s.name.text}`, s.sizes ? sizes(s.sizes) : "", " = ", formatExpression(s.value)];
    case "table":
      return [`table ${s.name.text}`, sizes(s.sizes), `(${list(s.indices)}) = `, formatExpression(s.value)];
    case "input": {
      const bound = s.bound ? ["(", formatExpression(s.bound), ")"] : "";
      return [`input ${s.name.text}`, s.axes.length > 0 ? sizes(s.axes) : "", ` : ${s.element}`, bound];
    }
    case "rename":
      return `input ${renamed(s)} as ${s.name.text}`;
    case "assign": {
      const indices = s.indices ? indicesText(s.indices, s.bounds) : "";
      return [s.target.text, indices, ` ${s.operator ?? ""}= `, formatExpression(s.value)];
    }
    case "use":
    case "output":
    case "probe":
      return [`${s.kind} ${s.name.text} = `, formatExpression(s.value)];
    case "loss":
      return ["loss ", formatOperand(s.value)];
    case "return":
      return [
        "return ",
        s.values.map(
          (v, i): Layout => [i === 0 ? "" : ", ", i === 0 ? formatOperand(v) : formatExpression(v)],
        ),
      ];
    case "law":
      return [`law ${s.name.text}: `, formatExpression(s.claim)];
    default:
      return s satisfies never;
  }
}
