/** Model → the same without spans and trivia, so that trees from different texts compare. */
import type { Model } from "../../compiler/parser/model.js";
import { readTfm } from "../../compiler/parser/read-tfm.js";

export function bare(model: Model): unknown {
  return JSON.parse(JSON.stringify(model.declarations, (key, value) => (key === "span" ? undefined : value)));
}

/** The tree of a text that has no mistakes. */
export function read(text: string): Model {
  const { model, diagnostics } = readTfm(text, "test.tfm");
  if (diagnostics.length > 0)
    throw new Error(`${diagnostics.map((d) => `${d.code} ${d.message}`).join("\n")}\nin\n${text}`);
  return model;
}

/** A small but whole language: every statement and expression form once. */
export const everything = `# A model
# with everything.
model attribute(vocab = 256, context = 128, d = 64, θ = 1e4) {
  input tokens[t <= context, 3] : int(vocab) # ids
  input scale : real
  input valid[t] : bool

  use wte = embedding(vocab, d) as embed
  frozen nodecay param table[vocab, d], gain ~ normal(0.02) if d > 2 and not tied
  decay param w[d, d / 2]
  state m = 0
  state n[d] = zeros(d)
  table angle[t, d](p, c) = p / θ ^ (2 * c / d)
  x = wte(tokens) + wte.table[tokens[i - 1], c]
  repeat 2 * layers as l { # carried
    x += attention(layer_norm(x), heads, mask: sliding(128), score: none, state: [1, -2, "a\\"b"])
    if l == 0 { x *= 2 } else if l > 3 { x = -x } else { probe h = x }
  }
  repeat shared n { x = f(x) as g }
  match norm { pre { x = a }
    post, "sandwich" { x = b } else { } }
  p[h, i, j] = softmax[j](score(s[h, i, j], h, i, j) where mask(i, j))
  y[] = sum[i, j](if i < j then p[0, i, j] else -1) % 2 // 3
  loss = 3; state = 2; table[i] = 4
  output logits = unembed(layer_norm(x), wte.table)
  loss 0.1 * cross_entropy(logits, next(tokens))
  law inner: prefix_invariant(logits)
  train { optimizer = adamw(lr: 3e-4, betas: [0.9, 0.95]); clip = 1.0
    batch = 16 # small
  }
  return x, y
}
import "layers.tfm"
model small : decoder { layers = 2; norm = rms_norm(eps: 1e-5) # gain only
  train { steps = 3 } }
# Norms after the sums.
variant post : small { norm_at = post; variant = 2
  law size: params == 12 }
mask causal(i, j) = j <= i
mask sliding(w)(i, j) = j <= i and i - j < w
score alibi(slope[h])(s, h, i, j) = s - slope[h] * (i - j)
block id(p[*], x[t, d] = none,) { return p }
law gpt2: params == 124439808
# the end
`;
