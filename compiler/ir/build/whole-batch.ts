/**
 * `whole_batch(x)`: what all examples have, the same for each of them.
 *
 * ```
 * text[d] of each example    →    [example, d], without a batch      %text [batch=B, d]  as  [example=B, d]
 * ```
 */

import { wholeTensor } from "./along-axis.js";
import type { Builtin } from "./builtins.js";
import { fail } from "./session.js";
import { tensor } from "./values.js";

const example = "example";

export const wholeBatch: Builtin = (env, call) => {
  const x = wholeTensor(env, call, call.values[0], call.spans[0] ?? call.span);
  if (call.values.length > 1) fail(env, "TFM2002", call.spans[1]!, "`whole_batch` takes one tensor.");
  if (!x.batched)
    fail(
      env,
      "TFM2006",
      call.spans[0]!,
      "This tensor is the same for every example: there is no batch to take together.",
    );
  const [batch, ...inner] = x.node.shape;
  const node = env.session.builder.reshape(x.node, [{ name: example, size: batch!.size }, ...inner]);
  return tensor(node, false, [{ name: example }, ...x.axes]);
};
