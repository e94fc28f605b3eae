/**
 * Values → the first of them, again and again.
 *
 *   const heap = createHeap<number>((a, b) => a > b);  heap.push(2);  heap.push(5);  heap.pop() = 5
 */
export interface Heap<T> {
  push(value: T): void;
  /** Takes out the first; undefined where none is left. */
  pop(): T | undefined;
}

export function createHeap<T>(before: (a: T, b: T) => boolean): Heap<T> {
  const values: T[] = [];
  const rise = (value: T): void => {
    let at = values.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(value, values[parent]!)) break;
      values[at] = values[parent]!;
      at = parent;
    }
    values[at] = value;
  };
  const sink = (value: T): void => {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= values.length) break;
      if (child + 1 < values.length && before(values[child + 1]!, values[child]!)) child++;
      if (!before(values[child]!, value)) break;
      values[at] = values[child]!;
      at = child;
    }
    values[at] = value;
  };
  return {
    push: rise,
    pop() {
      const [first, last] = [values[0], values.pop()];
      if (values.length > 0) sink(last!);
      return first;
    },
  };
}
