/**
 * The text of a JSON file → its settings, read by name and type.
 *
 *   createSettings('{"n_fft": 400}', path).number("n_fft", 512)   →   400
 */
import { fail, reasonOf } from "../failure.js";

export interface Settings {
  value(name: string): unknown;
  number(name: string, otherwise: number): number;
  flag(name: string, otherwise: boolean): boolean;
  numbers(name: string): readonly number[];
  optionalText(name: string): string | undefined;
  /** The settings in an object of that name. */
  part(name: string): Settings | undefined;
  refuse(what: string, hint?: string): never;
}

type Values = Readonly<Record<string, unknown>>;

export function createSettings(text: string, path: string): Settings {
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json)) return settingsOf(json, path);
  } catch (error) {
    fail("bad-data", `\`${path}\` is no JSON: ${reasonOf(error)}`, undefined, path);
  }
  return fail("bad-data", `\`${path}\` holds no object`, undefined, path);
}

function settingsOf(values: Values, path: string): Settings {
  const refuse = (what: string, hint?: string): never => fail("bad-data", `\`${path}\` ${what}`, hint, path);
  const typed = <T>(name: string, kind: string, is: (value: unknown) => value is T, otherwise?: T): T => {
    const value = values[name] ?? otherwise;
    return is(value)
      ? value
      : refuse(`has ${value === undefined ? "no" : "another"} \`${name}\`; it is ${kind}`);
  };
  return {
    value: (name) => values[name],
    number: (name, otherwise) => typed(name, "a number", isNumber, otherwise),
    flag: (name, otherwise) => typed(name, "true or false", isFlag, otherwise),
    numbers: (name) => typed(name, "a list of numbers", isNumbers),
    optionalText: (name) => (typeof values[name] === "string" ? values[name] : undefined),
    part(name) {
      const inner = values[name];
      return isObject(inner) ? settingsOf(inner, path) : undefined;
    },
    refuse,
  };
}

const isObject = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === "number";
const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length > 0 && value.every(isNumber);
