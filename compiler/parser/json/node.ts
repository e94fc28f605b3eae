/**
 * The tree of a JSON text, with the place of everything in it.
 *
 *     { "layers": 2 }  →  object{ members: [ string layers, number 2 ] }
 */
import type { Span } from "../model.js";

export type JsonNode =
  | JsonObject
  | JsonArray
  | JsonString
  | { readonly kind: "number"; readonly text: string; readonly value: number; readonly span: Span }
  | { readonly kind: "boolean"; readonly value: boolean; readonly span: Span }
  | { readonly kind: "null"; readonly span: Span }
  /** What is no JSON; a diagnostic speaks of it. */
  | { readonly kind: "broken"; readonly span: Span };

export interface JsonObject {
  readonly kind: "object";
  readonly members: readonly JsonMember[];
  readonly span: Span;
}

export interface JsonMember {
  readonly key: JsonString;
  readonly value: JsonNode;
}

export interface JsonArray {
  readonly kind: "array";
  readonly items: readonly JsonNode[];
  readonly span: Span;
}

export interface JsonString {
  readonly kind: "string";
  readonly value: string;
  /** As written between the quotes. */
  readonly raw: string;
  /** Of what stands between the quotes, so that a replacement for it needs none. */
  readonly span: Span;
}

export const memberOf = (node: JsonNode | undefined, key: string): JsonNode | undefined =>
  node?.kind === "object" ? node.members.find((m) => m.key.value === key)?.value : undefined;

export const itemsOf = (node: JsonNode | undefined): readonly JsonNode[] =>
  node?.kind === "array" ? node.items : [];

/** The offset in the source of each UTF-16 unit of a string's value, and of its end. */
export function placesOf(string: JsonString): (offset: number) => number {
  const { raw, span } = string;
  if (!raw.includes("\\")) return (offset) => span.start + offset;
  const places: number[] = [];
  for (const { 0: unit, index } of raw.matchAll(/\\u[0-9a-fA-F]{4}|\\.|[^\\]/gsu))
    for (let i = 0; i < (unit.startsWith("\\") ? 1 : unit.length); i++) places.push(span.start + index + i);
  return (offset) => places[offset] ?? span.end;
}

/** The value as plain data, for the schema; what is broken was reported and counts as null. */
export function plain(node: JsonNode): unknown {
  switch (node.kind) {
    case "object":
      return Object.fromEntries(node.members.map(({ key, value }) => [key.value, plain(value)]));
    case "array":
      return node.items.map(plain);
    case "string":
    case "number":
    case "boolean":
      return node.value;
    case "null":
    case "broken":
      return null;
    default:
      return node satisfies never;
  }
}
