/**
 * seed → choices, the same ones on every machine: a counter through the mixer of spec/numerics.md.
 */

/** One of a list. */
export type Pick = <T>(list: readonly T[]) => T;

export function createRandom(seed: number): () => number {
  let counter = seed >>> 0;
  return () => {
    counter = (counter + 0x9e3779b9) >>> 0;
    let x = counter;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return (x ^ (x >>> 15)) >>> 0;
  };
}

export function createPick(seed: number): Pick {
  const next = createRandom(seed);
  return (list) => list[next() % list.length]!;
}
