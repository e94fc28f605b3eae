/** Text → the words, numbers, sizes and strings of the IR's text, one after the other. */
import type { Size } from "../shape.js";
import { addSizes, mulSizes, symbol } from "../shape.js";

export interface Reader {
  /** Throws: `wanted` is not what stands here. */
  fail(wanted: string): never;
  accept(token: string): boolean;
  expect(token: string): void;
  /** Letters, digits and underscores. */
  word(): string;
  /** An axis name or a label: anything up to a separator, or a string. */
  name(): string;
  number(): number;
  string(): string;
  size(): Size;
  /** Items separated by commas up to `end`, which is read too. */
  list<T>(end: string, item: () => T): T[];
  end(): void;
}

const SPACE = /\s*/y;
const WORD = /\w+/y;
const NAME = /[^\s"=,()[\]{}]+/y;
const NUMBER = /-?(?:Infinity|NaN|\d+(?:\.\d+)?(?:e[+-]?\d+)?)/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const FACTOR = /-?[^\s,*()[\]{}]+/y;

export function createReader(text: string): Reader {
  let at = 0;

  function match(pattern: RegExp): string | undefined {
    SPACE.lastIndex = at;
    SPACE.test(text);
    const from = SPACE.lastIndex;
    pattern.lastIndex = from;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at = from + found.length;
    return found;
  }
  function fail(wanted: string): never {
    const before = text.slice(0, at).split("\n");
    const line = text.split("\n")[before.length - 1]!.trim();
    throw new Error(`internal: IR text, line ${before.length}: expected ${wanted} in \`${line}\``);
  }
  function accept(token: string): boolean {
    SPACE.lastIndex = at;
    SPACE.test(text);
    const from = SPACE.lastIndex;
    const found = text.startsWith(token, from);
    if (found) at = from + token.length;
    return found;
  }
  const expect = (token: string): void => {
    if (!accept(token)) fail(`\`${token}\``);
  };
  const string = (): string => JSON.parse(match(STRING) ?? fail("a string")) as string;
  const factor = (): Size => {
    const found = match(FACTOR) ?? fail("a size");
    return /^-?\d+$/.test(found) ? Number(found) : symbol(found);
  };
  function term(): Size {
    let size = factor();
    while (accept("*")) size = mulSizes(size, factor());
    return size;
  }
  function list<T>(end: string, item: () => T): T[] {
    const items: T[] = [];
    if (accept(end)) return items;
    do items.push(item());
    while (accept(","));
    expect(end);
    return items;
  }

  return {
    fail,
    accept,
    expect,
    string,
    list,
    word: () => match(WORD) ?? fail("a word"),
    name: () => (text[at] === '"' ? string() : (match(NAME) ?? fail("a name"))),
    number: () => Number(match(NUMBER) ?? fail("a number")),
    size() {
      let size = term();
      while (accept("+")) size = addSizes(size, term());
      return size;
    },
    end: () => {
      SPACE.lastIndex = at;
      SPACE.test(text);
      if (SPACE.lastIndex !== text.length) fail("the end");
    },
  };
}
