/**
 * Number of a variant → its colour and dashes: told apart by either alone, on light and dark paper.
 *
 * The colours are those of Okabe and Ito (2008). Eight colours and five patterns give forty different pairs.
 */
const light = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#b8a800"];
const dark = ["#56b4e9", "#ff8a3d", "#2fc79a", "#e39bc4", "#e69f00", "#8fd0f7", "#f2f2f2", "#f0e442"];
const patterns: readonly (readonly number[])[] = [[], [9, 4], [2, 3], [10, 3, 2, 3], [16, 5]];

export interface Paper {
  readonly dark: boolean;
  readonly ink: string;
  readonly grid: string;
}

export const lightPaper: Paper = { dark: false, ink: "#333a44", grid: "#e3e6ea" };
export const darkPaper: Paper = { dark: true, ink: "#c3c9d2", grid: "#31363f" };

export const colourOf = (n: number, paper: Paper): string => (paper.dark ? dark : light)[n % light.length]!;
export const dashOf = (n: number): number[] => [...patterns[n % patterns.length]!];

/** `#rrggbb` at an opacity. */
export function faded(colour: string, opacity: number): string {
  const byte = (at: number): number => Number.parseInt(colour.slice(at, at + 2), 16);
  return `rgba(${byte(1)}, ${byte(3)}, ${byte(5)}, ${opacity})`;
}

/** Cividis, dark to light: even in grey and to every kind of colour vision. */
const cividis = [
  "#00224e",
  "#123570",
  "#3b496c",
  "#575d6d",
  "#707173",
  "#8a8678",
  "#a59c74",
  "#c3b369",
  "#e1cc55",
  "#fee838",
];

/** A share from 0 to 1 → a colour between those of the map. */
export function heatColour(share: number): string {
  const at = Math.min(1, Math.max(0, share)) * (cividis.length - 1);
  const n = Math.min(cividis.length - 2, Math.floor(at));
  const mix = (channel: number): number => {
    const byte = (colour: string): number => Number.parseInt(colour.slice(channel, channel + 2), 16);
    return Math.round(byte(cividis[n]!) + (at - n) * (byte(cividis[n + 1]!) - byte(cividis[n]!)));
  };
  return `rgb(${mix(1)}, ${mix(3)}, ${mix(5)})`;
}
