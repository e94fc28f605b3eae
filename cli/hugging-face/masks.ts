/**
 * Which earlier positions the layers see, as configs state it → the library's masks.
 *
 * ```
 * "sliding_window": 4096                                                    mask = sliding(4096)
 * "layer_types": ["sliding_attention", "full_attention", …]                 layer_masks = [sliding(4096), causal]
 * ```
 */
import type { Config } from "./family.js";
import type { Settings } from "./model-text.js";

/** One mask for all layers; `causal`, the default, where no window is smaller than the context. */
export function slidingMask(config: Config, context: number): Settings {
  const window = config.optionalSize("sliding_window");
  return { mask: window === undefined || window >= context ? undefined : `sliding(${window})` };
}

/** `kinds`: what the layers are where the config does not list it. */
export function layerMasks(
  config: Config,
  {
    window,
    layers,
    kinds,
  }: {
    readonly window: number | undefined;
    readonly layers: number;
    readonly kinds: () => readonly string[];
  },
): Settings {
  const types = config.get("layer_types") === null ? kinds() : config.strings("layer_types");
  if (types.length !== layers) config.refuse("layer_types", `there are ${layers} layers`);
  const masks = types.map((type) => maskOf(config, type, window));
  const turn = masks.slice(0, period(masks));
  if (turn.length > 1) return { layer_masks: `[${turn.join(", ")}]` };
  return { mask: turn[0] === "causal" ? undefined : turn[0] };
}

function maskOf(config: Config, type: string, window: number | undefined): string {
  if (type === "full_attention") return "causal";
  if (type !== "sliding_attention")
    return config.refuse(
      "layer_types",
      `${JSON.stringify(type)} is not understood; known are full_attention and sliding_attention`,
    );
  return window === undefined
    ? config.refuse("sliding_window", "layers with a window need one")
    : `sliding(${window})`;
}

/** After how many the list begins again. */
function period(list: readonly string[]): number {
  for (let n = 1; n < list.length; n++) if (list.every((one, at) => one === list[at % n])) return n;
  return list.length;
}
