/** Running sums: x = 1 2 3 → 1 3 6, reverse 6 5 3. */
import { countOf, stridesOf } from "../numbers/tensor.js";
import type { OpRow } from "./row.js";
import { demandAxis, demandCount, misuse, value } from "./row.js";

export const cumulative: { readonly [K in "cumsum"]: OpRow<K> } = {
  cumsum: {
    kind: "primitive",
    doc: "y_i = Σ x_j over j ≤ i, over j ≥ i where reverse; dx is the same the other way round",
    attributes: { axis: "number", reverse: "boolean" },
    type(inputs, { axis }) {
      demandCount("cumsum", inputs, 1);
      demandAxis("cumsum", inputs, axis);
      const [x] = inputs;
      if (x!.dtype !== "f32") misuse("cumsum", inputs, "wants f32");
      return value(x!.shape, "f32");
    },
    reference(m, [x], { attributes: { axis, reverse } }) {
      const { sizes } = x!;
      const stride = stridesOf(sizes)[axis]!;
      const size = sizes[axis]!;
      const count = countOf(sizes);
      const data = m.allocate(count);
      for (let n = 0; n < count; n++) {
        const at = reverse ? count - 1 - n : n;
        const place = Math.floor(at / stride) % size;
        const first = reverse ? place === size - 1 : place === 0;
        const before = reverse ? at + stride : at - stride;
        data[at] = first ? x!.data[at]! : m.add(data[before]!, x!.data[at]!);
      }
      return { sizes, data };
    },
    vjp(b, dy, { attributes: { axis, reverse } }) {
      return [b.cumsum(dy, axis, !reverse)];
    },
  },
};
