/**
 * Option text → value; a command's function → commander's action.
 */
import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import type { Remat } from "../compiler/index.js";
import type { Level } from "../compiler/passes/pass.js";
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

/** `-O0`, `-O1`, `-O2`; undefined where nothing is said, which is 2, or the level that a run has. */
export const levelOption = (): Option =>
  new Option(
    "-O <level>",
    "how much is optimised: 0 one op a kernel, 1 what is better at any lengths, 2 everything (default: 2)",
  ).argParser(levelOf);

function levelOf(text: string): Level {
  const level = ([0, 1, 2] as const).find((one) => String(one) === text);
  if (level === undefined) throw new InvalidArgumentError("Levels are -O0, -O1 and -O2.");
  return level;
}

/** `--remat none`, `--remat layer`; undefined where nothing is said, which is none, or what a run has. */
export const rematOption = (): Option =>
  new Option(
    "--remat <what>",
    "what gradients compute again rather than store: none, or layer, all of a layer but its input (default: none)",
  ).choices(["none", "layer"] satisfies readonly Remat[]);

/** What `levelOption` and `rematOption` give. */
export interface CompilingOptions {
  readonly O?: Level | undefined;
  readonly remat?: Remat | undefined;
}

/** Collects an option that may be given several times. */
export const several = (text: string, before: readonly string[]): readonly string[] => [...before, text];
