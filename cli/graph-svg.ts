/**
 * DOT → SVG, by Graphviz as WebAssembly; the package is loaded by whoever asks for a picture.
 *
 * ```
 * digraph { a -> b }   →   <svg …>…</svg>
 * ```
 */
export async function toSvg(dot: string): Promise<string> {
  const { Graphviz } = await import("@hpcc-js/wasm-graphviz");
  const graphviz = await Graphviz.load();
  return graphviz.layout(dot, "svg", "dot");
}
