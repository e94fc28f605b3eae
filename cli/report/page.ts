import type { Manifest } from "../compare/manifest.js";
import type { VariantResult } from "../compare/results.js";
export const reportPage = (m: Manifest, v: readonly VariantResult[]): string => JSON.stringify([m,v]);
