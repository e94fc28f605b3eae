/**
 * Who reads which cache how far back → where a ring is enough.
 *
 * ```
 * softmax of layer 0 reads k, contraction reads v, both i − j < 4    →   k and v are rings of 4 + chunk − 1
 * another one reads k as a whole                                     →   k is not, and so nothing that is read together with it
 * ```
 *
 * A derivation is made twice where there are rings: the first time nothing is one, and who reads what is written down.
 */

/** What one derivation found out. */
export interface Readings {
  /** Of each place where positions are summed over: how many positions back from the first new one it looks, that one included. */
  readonly windows: Map<string, number>;
  /** The places that read a cache as a whole. */
  readonly readers: Map<string, Set<string>>;
  /** How far back single rows of a cache are read. */
  readonly lookBack: Map<string, number>;
  /** Places that count on slot n holding position n. */
  readonly straight: Set<string>;
}

/** The sizes of rings, by place and by cache. */
export interface Plan {
  ringOf(id: string): number | undefined;
  /** The layouts of places with one id are one. */
  layoutId(place: string): string;
}

export const startReadings = (): Readings => ({
  windows: new Map(),
  readers: new Map(),
  lookBack: new Map(),
  straight: new Set(),
});

export const noRings: Plan = { ringOf: () => undefined, layoutId: (place) => place };

/** Undefined where nothing is to be a ring. */
export function planRings(readings: Readings, longest: number, chunk: number): Plan | undefined {
  const rings = new Map<string, number>();
  for (const group of groupsOf(readings)) {
    const window = Math.max(...group.map((id) => windowOf(readings, id)));
    const size = window + chunk - 1;
    if (size < longest) for (const id of group) rings.set(id, size);
  }
  if (rings.size === 0) return undefined;
  return { ringOf: (id) => rings.get(id), layoutId: (place) => `${rings.get(place) ?? "all"}` };
}

function windowOf({ windows, lookBack, readers, straight }: Readings, id: string): number {
  if (straight.has(id)) return Number.POSITIVE_INFINITY;
  if (readers.has(id) || lookBack.has(id)) return lookBack.get(id) ?? 1;
  return windows.get(id) ?? Number.POSITIVE_INFINITY;
}

/** Caches and the places that read them, those together that must have one layout. */
function groupsOf({ readers, lookBack }: Readings): readonly (readonly string[])[] {
  const groups = new Map<string, Set<string>>();
  for (const cache of new Set([...readers.keys(), ...lookBack.keys()])) {
    const own = [cache, ...(readers.get(cache) ?? [])];
    const joined = new Set(own.flatMap((id) => [...(groups.get(id) ?? [id])]));
    for (const id of joined) groups.set(id, joined);
  }
  return [...new Set(groups.values())].map((group) => [...group]);
}
