/**
 * Maps of constants → constants, in f64: `add(1, 2)` → `3`.
 */
import { f64 } from "../numbers/f64.js";
import { mapRowOf } from "../ops/map.js";
import type { DType } from "../shape.js";
import type { MapOp } from "../vocabulary.js";

/** A constant without a place. */
export interface Constant {
  readonly value: number;
  readonly dtype: DType;
}

const LARGEST_F32 = 3.4028234663852886e38;

/** The result type of a map at the element types of its inputs. */
function resultType(op: MapOp, inputs: readonly Constant[]): DType {
  switch (op) {
    case "to_f32":
      return "f32";
    case "to_i32":
      return "i32";
    case "to_bool":
    case "eq":
    case "ne":
    case "lt":
    case "le":
    case "and":
    case "or":
    case "not":
      return "bool";
    default:
      return inputs[inputs.length - 1]!.dtype;
  }
}

/** A map of constants, or undefined where the result is no number of its type. */
export function foldMap(op: MapOp, inputs: readonly Constant[]): Constant | undefined {
  const row = mapRowOf(op);
  if (!row) throw new Error(`internal: ${op} is no map`);
  const value = Number(row.formula<number>(f64, ...inputs.map((input) => input.value)));
  const dtype = resultType(op, inputs);
  if (!Number.isFinite(value) || Math.abs(value) > LARGEST_F32) return undefined;
  if (dtype !== "i32") return { value: value + 0, dtype };
  return Number.isInteger(value) && (value | 0) === value ? { value, dtype } : undefined;
}
