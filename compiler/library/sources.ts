// Generated from compiler/library/*.tfm by `npm run generate`. Edit those, not this.
export const librarySources: Readonly<Record<string, string>> = {
  "activations": `# Activations: functions of one number, applied to each element.

# max(x, 0)
block relu(x[*]) { return max(x, 0) }

# x · Φ(x), Φ the normal distribution function.   Hendrycks and Gimpel, 2016
block gelu(x[*]) { return 0.5 * x * (1 + erf(x / sqrt(2))) }

# The tanh approximation of gelu that GPT-2 uses.
block gelu_tanh(x[*]) { return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))) }

# x · sigmoid(x), also called swish.   Elfwing, Uchibe and Doya, 2017
block silu(x[*]) { return x * sigmoid(x) }
`,
  "attention": `# Attention, and the masks and scores that make its variants.

# p = softmax_j(score(q_i · k_j / sqrt(head_dim))) over the j that the mask allows; y = Σ_j p v_j, mixed by wo.
# x[t, d] → [t, d].   Vaswani et al., 2017; kv_heads < heads: grouped queries, Ainslie et al., 2023
# \`memory\` is attended to where it is not x; \`rotary\` turns queries and keys by their positions (rope).
block attention(x[t, d], heads, kv_heads = heads, head_dim = d / heads, mask = full, score = none, memory[s, e] = x, bias = true, rotary = none, dropout_rate = 0, std = 0.02, out_std = std) {
  group = heads / kv_heads
  param wq[d, heads, head_dim] ~ normal(std)
  param wk[e, kv_heads, head_dim], wv[e, kv_heads, head_dim] ~ normal(std)
  param wo[heads, head_dim, d] ~ normal(out_std)
  param bq[heads, head_dim], bk[kv_heads, head_dim], bv[kv_heads, head_dim], bo[d] ~ zeros if bias

  q[h, i, c] = x[i, m] * wq[m, h, c] + bq[h, c]
  k[g, j, c] = memory[j, m] * wk[m, g, c] + bk[g, c]
  v[g, j, c] = memory[j, m] * wv[m, g, c] + bv[g, c]
  if rotary != none {
    q = rotary(q)
    k = rotary(k)
  }
  r[h, i, j] = q[h, i, c] * k[h // group, j, c] / sqrt(head_dim)
  p[h, i, j] = softmax[j](score(r[h, i, j], h, i, j) where mask(i, j))
  p = dropout(p, dropout_rate)
  y[i, n] = p[h, i, j] * v[h // group, j, c] * wo[h, c, n] + bo[n]
  return y
}

# Each position sees itself and what came before.
mask causal(i, j) = j <= i

# The last w positions, itself included.   Beltagy, Peters and Cohan, 2020
mask sliding(w)(i, j) = j <= i and i - j < w

# The positions that hold something; valid[s] is 0 or 1, or a truth value's input.
mask padding(valid[s])(i, j) = valid[j]

# A penalty that grows with distance, by a slope per head.   Press, Smith and Lewis, 2022
score alibi(slope[h])(s, h, i, j) = s - slope[h] * (i - j)

# ALiBi's slopes for \`heads\` heads, 2 ^ (-8 (h + 1) / heads).   → [heads]
block alibi_slopes(heads) {
  table slope[heads](h) = 2 ^ (0 - 8 * (h + 1) / heads)
  return slope
}
`,
  "layers": `# Layers with parameters: embeddings, linear maps, norms, feed-forward blocks.

# Row tokens[i] of a table.   tokens[t], integers → [t, d]
block embedding(tokens[t], vocab, d, std = 0.02) {
  param table[vocab, d] ~ normal(std)
  y[i, m] = table[tokens[i], m]
  return y
}

# Logits by a table's rows: y_v = x · table_v.   x[t, d] → [t, vocab]
# With the input embedding's table it is tied: Press and Wolf, 2017.
block unembed(x[t, d], table[vocab, d]) {
  y[i, v] = x[i, m] * table[v, m]
  return y
}

# y = x W + b.   x[t, d] → [t, out]
block linear(x[t, d], out, bias = true, std = 0.02) {
  param w[d, out] ~ normal(std)
  param b[out] ~ zeros if bias
  y[i, n] = x[i, m] * w[m, n] + b[n]
  return y
}

# y = (x - mean) / sqrt(variance + eps) · gain + bias, along the last axis.   Ba, Kiros and Hinton, 2016
block layer_norm(x[t, d], eps = 1e-5, affine = true, shift = true) {
  param gain[d] ~ ones if affine
  param bias[d] ~ zeros if affine and shift
  mu[i] = mean[c](x[i, c])
  centred[i, c] = x[i, c] - mu[i]
  variance[i] = mean[c](centred[i, c] * centred[i, c])
  y[i, c] = centred[i, c] / sqrt(variance[i] + eps)
  if affine { y[i, c] = y[i, c] * gain[c] + bias[c] }
  return y
}

# y = x / sqrt(mean(x²) + eps) · gain, along the last axis.   Zhang and Sennrich, 2019
block rms_norm(x[t, d], eps = 1e-6) {
  param gain[d] ~ ones
  square[i] = mean[c](x[i, c] * x[i, c])
  y[i, c] = x[i, c] / sqrt(square[i] + eps) * gain[c]
  return y
}

# act(x W1 + b1) W2 + b2.   x[t, d] → [t, d]; Vaswani et al., 2017
block mlp(x[t, d], hidden, act = gelu, bias = true, dropout_rate = 0, std = 0.02, out_std = std) {
  param w1[d, hidden] ~ normal(std)
  param b1[hidden] ~ zeros if bias
  param w2[hidden, d] ~ normal(out_std)
  param b2[d] ~ zeros if bias
  h[i, f] = x[i, m] * w1[m, f] + b1[f]
  a = dropout(act(h), dropout_rate)
  y[i, n] = a[i, f] * w2[f, n] + b2[n]
  return y
}

# (act(x Wg) · x Wu) Wd: with silu SwiGLU, with gelu GEGLU.   Shazeer, 2020
block gated_mlp(x[t, d], hidden, act = silu, dropout_rate = 0, std = 0.02, out_std = std) {
  param wg[d, hidden], wu[d, hidden] ~ normal(std)
  param wd[hidden, d] ~ normal(out_std)
  gate[i, f] = x[i, m] * wg[m, f]
  up[i, f] = x[i, m] * wu[m, f]
  a = dropout(act(gate) * up, dropout_rate)
  y[i, n] = a[i, f] * wd[f, n]
  return y
}

# Each element is 0 with probability p, else divided by 1 - p; the identity outside training.   Srivastava et al., 2014
block dropout(x[*], p) {
  if p > 0 {
    if training {
      keep = random(x) >= p
      return if keep then x / (1 - p) else 0
    }
  }
  return x
}
`,
  "losses": `# Losses: a sum and a count, so that micro-batches, padding and devices agree.

# -log softmax(logits)[target], with a share \`smoothing\` of the target spread evenly over all classes.
# logits[t, vocab], targets[t] integers, those below 0 do not count → sum, count.   Szegedy et al., 2016
block cross_entropy(logits[t, vocab], targets[t], smoothing = 0) {
  norm[i] = logsumexp[v](logits[i, v])
  picked[i] = logits[i, targets[i]]
  if smoothing > 0 {
    average[i] = mean[v](logits[i, v])
    each[i] = norm[i] - (1 - smoothing) * picked[i] - smoothing * average[i]
  } else {
    each[i] = norm[i] - picked[i]
  }
  total = sum[i](each[i] where targets[i] >= 0)
  count = sum[i](if targets[i] >= 0 then 1 else 0)
  return total, count
}
`,
  "optimizers": `# Optimizers: one step on one parameter. \`lr\` is the scheduled rate at run time, \`step\` counts from 1,
# \`decays\` says whether this parameter decays: matrices do, vectors and what starts at 0 or 1 do not, \`decay\` and \`nodecay\`
# before a \`param\` settle it. \`decay: all\` lets every parameter decay, whatever it is.

# 1 - beta ^ step, which cancels at the first steps where beta is near 1: a series of y = -step * ln beta while y is small.
block bias_correction(step, beta) {
  y = -log(max(beta, 1e-30)) * step
  series = y * (1 - y / 2 * (1 - y / 3 * (1 - y / 4 * (1 - y / 5 * (1 - y / 6 * (1 - y / 7 * (1 - y / 8)))))))
  return if y < 0.5 then series else 1 - exp(-y)
}

# Adam with decoupled weight decay.   Loshchilov and Hutter, 2019
block adamw(p[*], gradient[*], lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weight_decay = 0.01, decay = matrices) {
  state m = 0
  state v = 0
  m = betas[0] * m + (1 - betas[0]) * gradient
  v = betas[1] * v + (1 - betas[1]) * gradient * gradient
  unbiased_m = m / bias_correction(step, betas[0])
  unbiased_v = v / bias_correction(step, betas[1])
  update = unbiased_m / (sqrt(unbiased_v) + eps)
  match decay {
    matrices { if decays { update = update + weight_decay * p } }
    all { update = update + weight_decay * p }
  }
  return p - lr * update
}

# Gradient descent with momentum.   Sutskever et al., 2013
block sgd(p[*], gradient[*], lr = 0.1, momentum = 0, weight_decay = 0, decay = matrices) {
  g = gradient
  match decay {
    matrices { if decays { g = g + weight_decay * p } }
    all { g = g + weight_decay * p }
  }
  if momentum > 0 {
    state velocity = 0
    velocity = momentum * velocity + g
    g = velocity
  }
  return p - lr * g
}
`,
  "positions": `# Positions: added to the embeddings, or turned into queries and keys.

# A learned vector per position, at most \`context\` of them.   x[t] → [t, d]
block learned_position(x[t], context, d, std = 0.02) {
  param table[context, d] ~ normal(std)
  place = positions(x)
  y[i, m] = table[place[i], m]
  return y
}

# sin and cos of the position over wavelengths from 2π to base · 2π.   x[t] → [t, d]; Vaswani et al., 2017
block sinusoidal_position(x[t], d, base = 10000) {
  table angle[t, d](i, c) = if c % 2 == 0 then sin(i / base ^ (c / d)) else cos(i / base ^ ((c - 1) / d))
  return angle
}

# Queries or keys turned by their position: pairs (c, c + half) by the angle i / base^(c / half).
# x[heads, t, head_dim] → the same.   Su et al., 2021; \`interleaved\` pairs (2c, 2c + 1)
block rope(x[heads, t, head_dim], base = 10000, interleaved = false) {
  half = head_dim / 2
  table turn_cos[t, half](i, c) = cos(i / base ^ (c / half))
  table turn_sin[t, half](i, c) = sin(i / base ^ (c / half))
  if interleaved {
    turned[h, i, c] = if c % 2 == 0 then 0 - x[h, i, c + 1] else x[h, i, c - 1]
    y[h, i, c] = x[h, i, c] * turn_cos[i, c // 2] + turned[h, i, c] * turn_sin[i, c // 2]
  } else {
    turned[h, i, c] = if c < half then 0 - x[h, i, c + half] else x[h, i, c - half]
    y[h, i, c] = x[h, i, c] * turn_cos[i, c % half] + turned[h, i, c] * turn_sin[i, c % half]
  }
  return y
}
`,
};
