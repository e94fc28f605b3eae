/**
 * A number of bands → the weight of each frequency in each of them: triangles of area 1, equally wide in mel.
 *
 *   2 bands to 3000 Hz, frequencies 0, 1000, 2000, 3000   →   [[0, w, …], …]: band 0 rises from 0 Hz to its peak and falls to the peak of band 1
 *
 * Slaney's mel: 200/3 Hz each up to 1 kHz, from there on 27 of them to each factor of 6.4.
 */
const linear = 200 / 3;
const knee = 1000;
const step = Math.log(6.4) / 27;

export const melOf = (hertz: number): number =>
  hertz < knee ? hertz / linear : knee / linear + Math.log(hertz / knee) / step;

export const hertzOf = (mel: number): number =>
  mel < knee / linear ? mel * linear : knee * Math.exp((mel - knee / linear) * step);

/** Where the triangles start, peak and end: band n rises from edge n to n + 1 and falls to n + 2. */
export function melEdges(bands: number, highest: number): readonly number[] {
  const whole = melOf(highest);
  return Array.from({ length: bands + 2 }, (_, n) => hertzOf((whole * n) / (bands + 1)));
}

/** [bands][frequencies]; frequency f of n stands for f / (n - 1) of `highest` hertz. */
export function melFilters(bands: number, frequencies: number, highest: number): readonly Float64Array[] {
  const edges = melEdges(bands, highest);
  return Array.from({ length: bands }, (_, band) => {
    const [low, peak, high] = edges.slice(band, band + 3) as [number, number, number];
    return Float64Array.from({ length: frequencies }, (_, f) => {
      const hertz = (highest * f) / (frequencies - 1);
      const height = Math.min((hertz - low) / (peak - low), (high - hertz) / (high - peak));
      return (Math.max(0, height) * 2) / (high - low);
    });
  });
}
