/**
 * Text for people: colour, tables, numbers and the live line.
 *
 * ```
 * table([["block", "parameters"], ["wte", "38,597,376"]], ["left", "right"])
 * ```
 */

/** Where text goes; a terminal or not. */
export interface Sink {
  readonly terminal: boolean;
  readonly columns: number;
  write(text: string): void;
}

export interface Style {
  readonly color: boolean;
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
  green(text: string): string;
}

export function createStyle(color: boolean): Style {
  const paint = (open: number, close: number) => (text: string) =>
    color ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    color,
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    yellow: paint(33, 39),
    green: paint(32, 39),
  };
}

/** --no-color, then NO_COLOR, then FORCE_COLOR, then whether it is a terminal (no-color.org). */
export function wantsColor(
  flag: boolean,
  environment: Readonly<Record<string, string | undefined>>,
  terminal: boolean,
): boolean {
  if (!flag || environment["NO_COLOR"]) return false;
  const forced = environment["FORCE_COLOR"];
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return terminal && environment["TERM"] !== "dumb";
}

/** Columns padded to their widest cell, two spaces apart. */
export function table(rows: readonly (readonly string[])[], align: readonly ("left" | "right")[]): string {
  const widths = align.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const pad = (cell: string, column: number): string =>
    align[column] === "right" ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

export const count = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 0 });

/** 1536 → "1.50 KiB". */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  let scaled = value;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${scaled.toPrecision(3)} ${units[unit]}`;
}

/** 2.9e11 → "290 GFLOP". */
export function flops(value: number): string {
  const units = ["", "k", "M", "G", "T", "P", "E"];
  let unit = 0;
  let scaled = value;
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return unit === 0 ? `${value} FLOP` : `${scaled.toPrecision(3)} ${units[unit]}FLOP`;
}

/** 3725 → "1:02:05". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = `${Math.floor(whole / 60) % 60}`;
  return whole < 3600
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** One line that is rewritten in place on a terminal. */
export interface LiveLine {
  update(text: string): void;
  /** Removes the line, so that other text can be written. */
  clear(): void;
}

export function createLiveLine(sink: Sink): LiveLine {
  let shown = false;
  return {
    update(text) {
      sink.write(`\r\u001b[K${text.slice(0, Math.max(1, sink.columns - 1))}`);
      shown = true;
    },
    clear() {
      if (shown) sink.write("\r\u001b[K");
      shown = false;
    },
  };
}
