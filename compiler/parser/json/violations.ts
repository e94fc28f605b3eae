/**
 * JSON tree → what the schema has against it, each at its place.
 *
 *     { "model": "decoder", "name": "m", "layesr": 2 }  →  TFM1104 at `layesr`, with the fix `layers`
 *
 * `validate.ts` is ajv's code for the schema, generated: it says what is wrong by path, and the tree says where that is.
 */
import type { Diagnostic } from "../../diagnostics.js";
import { diagnostic } from "../../diagnostics.js";
import { nearest } from "../../nearest.js";
import type { JsonNode } from "./node.js";
import { memberOf, plain } from "./node.js";
import { declarationKinds, statementKinds } from "./schema.js";
import { validate } from "./validate.js";

/** What is used of ajv's ErrorObject. */
interface Violation {
  readonly instancePath: string;
  readonly keyword: string;
  /** The key, where the schema is one for keys. */
  readonly propertyName?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What repeats an error found inside it. */
const echoes: ReadonlySet<string> = new Set(["if", "allOf", "propertyNames"]);

/** More than anyone reads, and a bound for what is looked up. */
const limit = 100;

export function violationsOf(root: JsonNode): readonly Diagnostic[] {
  const run = validate as { (data: unknown): boolean; errors?: readonly Violation[] | null };
  if (run(plain(root))) return [];
  const violations = (run.errors ?? []).filter(({ keyword }) => !echoes.has(keyword)).slice(0, limit);
  const misspelt = new Set(violations.flatMap(meantBy));
  return violations.flatMap((violation) => {
    if (violation.keyword === "required" && misspelt.has(missingAt(violation))) return [];
    const found = explain(violation, nodeAt(root, violation.instancePath));
    return found ? [found] : [];
  });
}

const missingAt = ({ instancePath, params }: Violation): string =>
  `${instancePath} ${String(params["missingProperty"])}`;

/** A key that is missing because it is misspelt is one mistake. */
function meantBy({ instancePath, propertyName, params }: Violation): readonly string[] {
  const meant = propertyName && nearest(propertyName, (params["allowedValues"] ?? []) as readonly string[]);
  return meant ? [`${instancePath} ${meant}`] : [];
}

/** A JSON pointer's node. */
function nodeAt(root: JsonNode, pointer: string): JsonNode {
  let node = root;
  for (const step of pointer.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    node = (node.kind === "array" ? node.items[Number(name)] : memberOf(node, name)) ?? node;
  }
  return node;
}

function explain(violation: Violation, node: JsonNode): Diagnostic | undefined {
  const { keyword, params, instancePath } = violation;
  switch (keyword) {
    case "required":
      return missingKey(node, String(params["missingProperty"]));
    case "type":
      return wrongKind(node, params["type"]);
    case "enum":
      if (violation.propertyName !== undefined)
        return unknownKey(node, violation.propertyName, params["allowedValues"] as readonly string[]);
      return diagnostic("TFM1107", node.span, 'The operator of an assignment is `"+"` or `"*"`.');
    case "minItems":
      return diagnostic("TFM1107", node.span, "The list is empty; something must stand in it.");
    case "false schema":
      return kindless(node, /^\/declarations\/\d+$/.test(instancePath));
    default:
      throw new Error(`internal: the schema has no \`${keyword}\``);
  }
}

const quoted = (keys: readonly string[]): string => keys.map((key) => `\`${key}\``).join(", ");

function unknownKey(node: JsonNode, key: string, known: readonly string[]): Diagnostic | undefined {
  const member = node.kind === "object" ? node.members.find((m) => m.key.value === key) : undefined;
  if (!member) return undefined;
  const { span } = member.key;
  const meant = nearest(key, known);
  const message = `\`${clean(key)}\` is no key here.`;
  if (meant === undefined) return diagnostic("TFM1104", span, message, { hint: hintFor(known) });
  const fix = { message: `Write \`${meant}\`.`, span, replacement: meant };
  return diagnostic("TFM1104", span, message, { fix, hint: `Did you mean \`${meant}\`?` });
}

const hintFor = (known: readonly string[]): string | undefined =>
  known.length > 0 ? `There are ${quoted(known)}.` : undefined;

/** A key may hold anything. */
const clean = (text: string): string => [...text.replace(/[^\P{C}]|`/gu, "�")].slice(0, 40).join("");

function missingKey(node: JsonNode, key: string): Diagnostic {
  const start = node.span.start;
  const span = { ...node.span, end: Math.min(node.span.end, start + 1) };
  const hint =
    key === "name"
      ? 'The name of the model, for example `"name": "gpt2"`.'
      : key === "model"
        ? 'A document has `"model"`, a family such as `"decoder"`, or `"declarations"`.'
        : undefined;
  return diagnostic("TFM1108", span, `The key \`"${key}"\` is missing.`, { hint });
}

const kindNames: Readonly<Record<string, string>> = {
  object: "an object",
  array: "a list",
  string: "a string",
  number: "a number",
  boolean: "`true` or `false`",
  null: "`null`",
};

function wrongKind(node: JsonNode, type: unknown): Diagnostic {
  const wanted = (Array.isArray(type) ? type : String(type).split(",")).map(
    (name) => kindNames[name] ?? name,
  );
  const list = wanted.length > 1 ? `${wanted.slice(0, -1).join(", ")} or ${wanted.at(-1)}` : wanted[0];
  const hint =
    node.kind === "object" && wanted.length > 2 ? 'Formulas are strings: `"4 * d_model"`.' : undefined;
  return diagnostic("TFM1107", node.span, `Expected ${list}, found ${kindNames[node.kind] ?? node.kind}.`, {
    hint,
  });
}

/** An object in which no key says what it is. */
function kindless(node: JsonNode, isDeclaration: boolean): Diagnostic | undefined {
  if (node.kind !== "object") return undefined; // its kind was reported
  const kinds: readonly string[] = isDeclaration ? declarationKinds : statementKinds;
  for (const { key } of node.members) {
    const meant = nearest(key.value, kinds);
    if (meant === undefined) continue;
    const fix = { message: `Write \`${meant}\`.`, span: key.span, replacement: meant };
    return diagnostic("TFM1104", key.span, `\`${clean(key.value)}\` is no key here.`, {
      fix,
      hint: `Did you mean \`${meant}\`?`,
    });
  }
  const span = { ...node.span, end: node.span.start + 1 };
  const what = isDeclaration ? "declaration" : "statement";
  return diagnostic("TFM1108", span, `No key says what ${what} this is.`, { hint: hintFor(kinds) });
}
