/**
 * Numbers → short text: for axes, legends and tips.
 */
const minus = "\u2212";

/** Four significant digits; very small and very large ones with a power of ten. */
export function shortNumber(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text =
    size !== 0 && (size < 1e-3 || size >= 1e6) ? powerText(value) : String(Number(value.toPrecision(4)));
  return text.replace("-", minus);
}

function powerText(value: number): string {
  const [digits, power] = value.toExponential(2).split("e");
  return `${Number(digits)}e${Number(power)}`;
}

/** 1500 → "1.5k", for axes of steps and tokens. */
export function countText(value: number): string {
  const units = ["", "k", "M", "G", "T"];
  let unit = 0;
  let scaled = value;
  while (Math.abs(scaled) >= 1000 && unit < units.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return `${Number(scaled.toPrecision(3))}${units[unit]}`;
}

/** 75 → "1:15". */
export function clockText(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** Ticks of a logarithmic axis: 1-2-5 where there are decades, evenly spaced round numbers where there is less than one. */
export function logTicks(low: number, high: number, most = 8): number[] {
  if (!(low > 0) || !(high > low)) return [];
  if (high / low < 12) return evenTicks(low, high, Math.min(most, 6));
  const decades: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    decades.push(10 ** power);
  const fine = decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]);
  const inside = (ticks: number[]): number[] => ticks.filter((tick) => tick >= low && tick <= high);
  if (inside(fine).length <= most) return inside(fine);
  const every = Math.ceil(inside(decades).length / most);
  return inside(decades).filter((_, n) => n % every === 0);
}

function evenTicks(low: number, high: number, most: number): number[] {
  const rough = (high - low) / most;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => size >= rough)!;
  const ticks: number[] = [];
  for (let n = Math.ceil(low / step); n * step <= high; n++) ticks.push(Number((n * step).toPrecision(12)));
  return ticks;
}
