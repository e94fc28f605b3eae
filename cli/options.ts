/**
 * Option text → value; a command's function → commander's action.
 */
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import type { Context } from "./context.js";
import type { ExitCode } from "./failure.js";

/** Turns a command's function into commander's action. */
export type Action = <A extends readonly unknown[]>(
  command: (context: Context, ...given: A) => Promise<ExitCode> | ExitCode,
) => (...given: A) => Promise<void>;

/** What each command file exports: it describes the command and says what runs. */
export type AddCommand = (program: Command, action: Action) => void;

/** A non-negative whole number of an option. */
export function natural(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError("It is a whole number from 0 up.");
  return value;
}

export function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value === 0)
    throw new InvalidArgumentError("It is a whole number from 1 up.");
  return value;
}

export function nonNegativeReal(text: string): number {
  const value = real(text);
  if (value < 0) throw new InvalidArgumentError("It is a number from 0 up.");
  return value;
}

export function positiveReal(text: string): number {
  const value = real(text);
  if (value <= 0) throw new InvalidArgumentError("It is a number above 0.");
  return value;
}

export function share(text: string): number {
  const value = positiveReal(text);
  if (value > 1) throw new InvalidArgumentError("It is a number above 0, at most 1.");
  return value;
}

export function real(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It is a number.");
  return value;
}

/** Collects an option that may be given several times. */
export const several = (text: string, before: readonly string[]): readonly string[] => [...before, text];
