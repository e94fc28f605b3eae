/**
 * Session: what one elaboration of a model collects; Env: where in it we stand. `fail` reports and gives up the statement.
 *
 * ```
 * x = attention(y, heads: 5)      TFM3001 at this call, with the library's `d / heads` as a related place
 * ```
 */
import type { Code, Diagnostic, DiagnosticDetails } from "../../diagnostics.js";
import { diagnostic } from "../../diagnostics.js";
import { nearest } from "../../nearest.js";
import type { Expression, Span, Statement } from "../../parser/model.js";
import { diagnosticLimit } from "../../parser/read-tfm.js";
import type { Builder } from "../builder.js";
import type { InputInfo, Node } from "../graph.js";
import type { Size } from "../shape.js";
import type { ParameterRecord, PathContext, RegionFrame } from "./paths.js";
import type { Renames } from "./renames.js";
import type { Scope } from "./scope.js";
import type { Origin, Value } from "./values.js";

export interface LengthInfo {
  readonly symbol: string;
  readonly axis: string;
  /** The smallest bound so far; undefined where nothing bounds it. */
  readonly maximum: number | undefined;
}

/** One stacked leaf: the parameter `record` of the turns first … first+count-1. */
export interface Stack {
  readonly record: ParameterRecord;
  readonly base: string;
  readonly first: number;
  readonly count: number;
  readonly leaf: string;
  readonly node: Node;
}

export interface OptimizerState {
  readonly name: string;
  readonly initial: number;
}

export interface Session {
  readonly builder: Builder;
  /** See meaning.ts. */
  readonly meaning: {
    readonly expression: (env: Env, x: Expression) => Value;
    readonly statement: (env: Env, statement: Statement) => Value | undefined;
  };
  /** Shared by all elaborations of one build; `report` keeps equal ones out. */
  readonly diagnostics: Diagnostic[];
  /** Whether `training` is true here, and whether anything asked. */
  readonly training: boolean;
  readonly asked: { training: boolean };
  /** Whether the norms of what loops carry leave the model: see norms.ts. */
  readonly norms: boolean;
  readonly lengths: Map<string, LengthInfo>;
  /** Maxima that an earlier elaboration found. */
  readonly maxima: ReadonlyMap<string, number>;
  /** The maxima that tables were sized by. */
  readonly assumed: Map<string, number>;
  readonly inputs: InputInfo[];
  /** What callers call inputs. */
  readonly renames: Renames;
  readonly isLibrary: (file: string) => boolean;
  /** Names that some `match` or comparison knows as choices. */
  readonly choices: ReadonlySet<string>;
  readonly counters: { regions: number; written: number; parameters: number; calls: number };
  /** Parameters of closed regions, by their stacked leaves. */
  readonly stacks: Stack[];
}

export interface IndexInfo {
  readonly size: Size;
  readonly axis: string;
  readonly span: Span;
  readonly origin: Origin | undefined;
  /** Whether the left side says it, `y[i < n]`: such an index reads the beginning of a longer axis. */
  readonly stated?: true;
}

/** What an index statement knows while it is evaluated. */
export interface IndexContext {
  /** The order in which axes of results are laid: indices of the left side, then as they appear. */
  readonly order: string[];
  readonly infos: Map<string, IndexInfo>;
  /** Tensors that subscripts stand on, evaluated once. */
  readonly bases: Map<Expression, Value>;
  /** Names that are indices here. */
  readonly labels: ReadonlySet<string>;
  /** Indices that a surrounding condition speaks of: reads out of range are 0. */
  readonly guarded: ReadonlySet<string>;
}

/** No index statement around: constant subscripts only. */
export const emptyIndex = (): IndexContext => ({
  order: [],
  infos: new Map(),
  bases: new Map(),
  labels: new Set(),
  guarded: new Set(),
});

/** A call around what is elaborated; `isModel` where a model in config form stands for its base. */
export interface Call {
  readonly name: string;
  readonly span: Span;
  readonly isModel?: true;
}

export interface Env {
  readonly session: Session;
  readonly scope: Scope;
  readonly path: PathContext;
  readonly region: RegionFrame;
  /** The number of the turn for random draws, an i32 scalar. */
  readonly turn: Node | undefined;
  readonly index: IndexContext | undefined;
  readonly calls: readonly Call[];
  readonly place: "model" | "block" | "optimizer";
  /** The optimizer's state as it stands, by name. */
  readonly states: Map<string, OptimizerState> | undefined;
}

/** Thrown after a report: the statement is given up and what it defines is poison. */
export class Stop extends Error {}

/** Thrown where a `repeat` must be taken turn by turn, because its body wants the turn's number at compile time. */
export class TurnNeeded extends Error {}

export type Details = DiagnosticDetails;

const sameSpan = (a: Span, b: Span): boolean => a.file === b.file && a.start === b.start && a.end === b.end;

/** Equal ones once, and no more than anybody reads; an error always finds room among warnings. */
export function pushDiagnostic(list: Diagnostic[], d: Diagnostic): void {
  const full = list.length >= diagnosticLimit;
  if (full && (d.severity !== "error" || list.some(({ severity }) => severity === "error"))) return;
  if (!list.some((e) => e.code === d.code && sameSpan(e.span, d.span))) list.push(d);
}

/** What fails inside the library is shown at the call in the user's file. */
export function report(env: Env, code: Code, span: Span, message: string, details: Details = {}): void {
  const { isLibrary, diagnostics } = env.session;
  const call = isLibrary(span.file) ? env.calls.filter((c) => !isLibrary(c.span.file)).at(-1) : undefined;
  if (!call) {
    pushDiagnostic(diagnostics, diagnostic(code, span, message, details));
    return;
  }
  const inner = { message: "the library's own line", span };
  const related = [...(details.related ?? []), inner];
  const text = `In this ${call.isModel ? "model" : "call"} of \`${call.name}\`: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
  pushDiagnostic(diagnostics, diagnostic(code, call.span, text, { ...details, fix: undefined, related }));
}

export function fail(env: Env, code: Code, span: Span, message: string, details: Details = {}): never {
  report(env, code, span, message, details);
  throw new Stop(message);
}

/** "Did you mean …" with its mechanical fix. */
export function suggest(name: string, names: Iterable<string>, span: Span): Details {
  const near = nearest(name, names);
  return near === undefined
    ? {}
    : {
        hint: `Did you mean \`${near}\`?`,
        fix: { message: `write \`${near}\``, span, replacement: near },
      };
}

/** Where a value got its name, as a related place. */
export const originRelated = (value: Origin | undefined, message: string): Details["related"] =>
  value ? [{ message, span: value.span }] : [];
