/**
 * How the axes of a checkpoint's tensor become a parameter's, and the elements moved accordingly, either way.
 *
 * ```
 * "d (n h c) -> n d h c"      [32, 96] with n = 3   ↔   [3, 32, 4, 8]
 * ```
 */

export interface Layout {
  /** The axes of each side in groups; the last name of a group runs fastest. */
  readonly left: readonly (readonly string[])[];
  readonly right: readonly (readonly string[])[];
}

/** Axis name → its size. */
export type AxisSizes = ReadonlyMap<string, number>;

export function parseLayout(text: string): Layout {
  const [left, right, more] = text.split("->").map(groupsOf);
  const names = [left, right].map((side) => (side ?? []).flat());
  const [a = [], b = []] = names;
  const same = a.length === b.length && new Set(a).size === a.length && a.every((name) => b.includes(name));
  if (!left || !right || more || !same) throw new Error(`internal: \`${text}\` is no layout`);
  return { left, right };
}

const groupsOf = (side: string): readonly (readonly string[])[] =>
  [...side.matchAll(/\(([^()]*)\)|(\S+)/g)].map(([, group, name]) =>
    name === undefined ? (group ?? "").trim().split(/\s+/) : [name],
  );

/** The sizes that both shapes agree on; undefined where they do not. */
export function solve(
  { left, right }: Layout,
  leftShape: readonly number[],
  rightShape: readonly number[],
): AxisSizes | undefined {
  if (left.length !== leftShape.length || right.length !== rightShape.length) return undefined;
  const sizes = new Map<string, number>();
  const groups = [
    ...left.map((names, n) => [names, leftShape[n]!] as const),
    ...right.map((names, n) => [names, rightShape[n]!] as const),
  ];
  // Each round settles a group of which at most one size is open.
  for (let round = 0; round < groups.length; round++)
    for (const [names, size] of groups) {
      const open = names.filter((name) => !sizes.has(name));
      if (open.length === 1) sizes.set(open[0]!, size / product(names, sizes));
    }
  const fits = groups.every(([names, size]) => product(names, sizes) === size);
  const whole = [...sizes.values()].every((size) => Number.isInteger(size));
  return fits && whole && sizes.size === left.flat().length ? sizes : undefined;
}

const product = (names: readonly string[], sizes: AxisSizes): number =>
  names.reduce((all, name) => all * (sizes.get(name) ?? 1), 1);

/** The elements in the order of the right side. */
export const toRight = (layout: Layout, sizes: AxisSizes, left: Uint32Array): Uint32Array =>
  reordered(layout.left.flat(), layout.right.flat(), sizes, left);

/** The elements in the order of the left side. */
export const toLeft = (layout: Layout, sizes: AxisSizes, right: Uint32Array): Uint32Array =>
  reordered(layout.right.flat(), layout.left.flat(), sizes, right);

function reordered(
  from: readonly string[],
  to: readonly string[],
  sizes: AxisSizes,
  data: Uint32Array,
): Uint32Array {
  const strides = new Map<string, number>();
  let stride = 1;
  for (const name of [...from].reverse()) {
    strides.set(name, stride);
    stride *= sizes.get(name)!;
  }
  const counts = to.map((name) => sizes.get(name)!);
  const steps = to.map((name) => strides.get(name)!);
  const result = new Uint32Array(data.length);
  const index = to.map(() => 0);
  const last = to.length - 1;
  const [inner = 1, step = 1] = [counts[last], steps[last]];
  for (let at = 0, start = 0; at < data.length; ) {
    for (let n = 0; n < inner; n++) result[at++] = data[start + n * step]!;
    for (let axis = last - 1; axis >= 0; axis--) {
      start += steps[axis]!;
      if (++index[axis]! < counts[axis]!) break;
      start -= steps[axis]! * counts[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
