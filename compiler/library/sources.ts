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

# x, or the bound that it is beyond.
block clip(x[*], low, high) { return min(max(x, low), high) }

# 1, 0 or -1.
block sign(x[*]) { return if x > 0 then 1 else if x < 0 then -1 else 0 }

# x · sigmoid(1.702 x), an approximation of gelu that CLIP uses.
block quick_gelu(x[*]) { return x * sigmoid(1.702 * x) }
`,
  "attention": `# Attention, and the masks and scores that make its variants.

# y = Σ_j p_j v_j, mixed by wo, with p = softmax_j(score(q_i · k_j / sqrt(head_dim))) over the j that the mask allows: \`mix\`.
# x[t, d] → [t, d].   Vaswani et al., 2017; kv_heads < heads: grouped queries, Ainslie et al., 2023
# \`memory\` is attended to where it is not x. \`rotary\` turns queries and keys by their positions (rope), \`key_rotary\` keys in
# another way (xpos); \`relative\` gives a vector per pair of positions (shaw); \`qk_norm\` normalises queries and keys, each head
# for itself; \`temperature\` divides the dot products; \`soft_cap\` bounds them, by c · tanh(s / c). \`blend\`, \`weight\`, \`post\`,
# \`post_blend\` and \`value\` are those of \`mix\`. \`sink\`: none, logit (a learned score per head beside the keys), null_key (a
# learned key and value that every position sees).
block attention(x[t, d], heads, kv_heads = heads, head_dim = d / heads, mask = full, score = none, memory[s, e] = x, bias = true, qkv_bias = bias, key_bias = qkv_bias, out_bias = bias, rotary = none, key_rotary = rotary, relative = none, qk_norm = none, temperature = sqrt(head_dim), soft_cap = none, blend = none, weight = softmax, post = none, post_blend = none, value = none, sink = none, dropout_rate = 0, std = 0.02, out_std = std, init = normal(std), value_init = init, out_init = normal(out_std)) {
  param wq[d, heads, head_dim] ~ init
  param wk[e, kv_heads, head_dim] ~ init
  param wv[e, kv_heads, head_dim] ~ value_init
  param wo[heads, head_dim, d] ~ offer(out_init, fan_in: heads * head_dim, fan_out: d)
  param bq[heads, head_dim] ~ zeros if qkv_bias
  param bk[kv_heads, head_dim] ~ zeros if key_bias
  param bv[kv_heads, head_dim] ~ zeros if qkv_bias
  param bo[d] ~ zeros if out_bias

  q[h, i, c] = x[i, m] * wq[m, h, c] + bq[h, c]
  k[g, j, c] = memory[j, m] * wk[m, g, c] + bk[g, c]
  v[g, j, c] = memory[j, m] * wv[m, g, c] + bv[g, c]
  if qk_norm != none {
    each_head = per_head(qk_norm)
    q = each_head(q) as q_norm
    k = each_head(k) as k_norm
  }
  if rotary != none {
    q = rotary(q)
    k = key_rotary(k)
  }
  mixing = mix(
    mask: mask, score: score, temperature: temperature, soft_cap: soft_cap, blend: blend, weight: weight, post: post,
    post_blend: post_blend, value: value, dropout_rate: dropout_rate
  )
  match sink {
    none { mixing = mixing }
    logit {
      param sink_score[heads] ~ zeros
      mixing = mixing(sink: of_head(sink_score))
    }
    null_key {
      param sink_key[kv_heads, head_dim], sink_value[kv_heads, head_dim] ~ init
      mixing = mixing(sink_key: sink_key, sink_value: sink_value)
    }
  }
  if relative != none {
    near = relative(q) as relative_keys
    far = relative(q) as relative_values
    mixing = mixing(key_bias: near, value_bias: far)
  }
  mixed = mixing(q, k, v) as _
  y[i, n] = mixed[h, i, c] * wo[h, c, n] + bo[n]
  return y
}

# A norm of rows as a norm of each head's rows; other blocks take [heads, t, head_dim] as they are.
block per_head(norm) {
  match norm {
    layer_norm { return head_layer_norm(eps: norm.eps, affine: norm.affine, shift: norm.shift) }
    rms_norm { return head_rms_norm(eps: norm.eps, offset: norm.offset) }
    else { return norm }
  }
}

# rms_norm along head_dim, one gain for all heads.   Henry et al., 2020; Dehghani et al., 2023
block head_rms_norm(x[heads, t, head_dim], eps = 1e-6, offset = 0) {
  param gain[head_dim] ~ if offset == 0 then ones else zeros
  square[h, i] = mean[c](x[h, i, c] * x[h, i, c])
  if offset == 0 {
    y[h, i, c] = x[h, i, c] / sqrt(square[h, i] + eps) * gain[c]
  } else {
    y[h, i, c] = x[h, i, c] / sqrt(square[h, i] + eps) * (offset + gain[c])
  }
  return y
}

# layer_norm along head_dim, one gain and one bias for all heads.
block head_layer_norm(x[heads, t, head_dim], eps = 1e-5, affine = true, shift = true) {
  param gain[head_dim] ~ ones if affine
  param bias[head_dim] ~ zeros if affine and shift
  mu[h, i] = mean[c](x[h, i, c])
  centred[h, i, c] = x[h, i, c] - mu[h, i]
  variance[h, i] = mean[c](centred[h, i, c] * centred[h, i, c])
  y[h, i, c] = centred[h, i, c] / sqrt(variance[h, i] + eps)
  if affine { y[h, i, c] = y[h, i, c] * gain[c] + bias[c] }
  return y
}

# Each position sees itself and what came before.
mask causal(i, j) = j <= i

# The last w positions, itself included.   Beltagy, Peters and Cohan, 2020
mask sliding(w)(i, j) = j <= i and i - j < w

# The first n positions see each other, what follows is causal.   Raffel et al., 2020
mask prefix(n)(i, j) = j <= i or j < n

# The positions that hold something; valid[s] is 0 or 1, or a truth value's input.
mask padding(valid[s])(i, j) = valid[j]

# What \`seen\` allows, of the positions that hold something.
mask padded(seen, valid[s])(h, i, j) = seen(h, i, j) and valid[j]

# One score after another.
score after(first, second)(s, h, i, j) = second(first(s, h, i, j), h, i, j)

# A number per head and pair of positions, added.
score plus(bias[h, t, s])(s, h, i, j) = s + bias[h, i, j]

# A penalty that grows with distance, by a slope per head.   Press, Smith and Lewis, 2022
score alibi(slope[h])(s, h, i, j) = s - slope[h] * abs(i - j)

# ALiBi's slopes, 2 ^ (-8 (h + 1) / heads) where heads is a power of two; the heads beyond one take every other slope of
# the next power.   → [heads]
block alibi_slopes(heads) {
  whole = 2 ^ floor(log(heads) / log(2) + 1e-6)
  table slope[heads](h) = if h < whole then 2 ^ (0 - 8 * (h + 1) / whole) else 2 ^ (0 - 4 * (2 * (h - whole) + 1) / whole)
  return slope
}

# Limits: as many groups as heads, windows and prefixes that are too long or too short to matter, the usual temperature.
law as_many_groups: attention(x, 4, kv_heads: 4) == attention(x, 4)
law wide_window: attention(x, 2, mask: sliding(64)) == attention(x, 2, mask: causal)
law short_prefix: attention(x, 2, mask: prefix(1)) == attention(x, 2, mask: causal)
law long_prefix: attention(x, 2, mask: prefix(64)) == attention(x, 2)
law usual_temperature: attention(x, 2, temperature: sqrt(d / 2)) == attention(x, 2)
law own_memory: attention(x, 2, memory: x) == attention(x, 2)
# What positions know of each other.
law no_order: permutation_equivariant(attention(x, 2))
law any_order_of_memory: permutation_equivariant(attention(x, 2, memory: m))
law past_only: prefix_invariant(attention(x, 2, mask: causal))
law window_of_the_past: prefix_invariant(attention(x, 2, mask: sliding(3)))
law distances_only: translation_invariant(attention(x, 2, mask: causal, score: alibi(alibi_slopes(2))))
`,
  "attention_variants": `# Attention of published models that differs from \`attention\` in its formula.

# A position sees itself, and what holds something.
mask itself_or_held(valid[s])(i, j) = valid[j] or i == j

# Transformer-XL's attention by content and distance, with XLNet's term for segments:
#   s_ij = ((q_i + u) · k_j + (q_i + w) · r_(i - j) + (q_i + z) · g_(same or other segment)) / sqrt(head_dim)
# r are the sinusoids of the signed distance, turned by a matrix.   x[t, d], segment[t] → [t, d]; Dai et al., 2019; Yang et al., 2019
block relative_attention(x[t, d], segment[t], heads, context, head_dim = d / heads, mask = full, base = 10000, std = 0.02, init = normal(std)) {
  param wq[d, heads, head_dim], wk[d, heads, head_dim], wv[d, heads, head_dim], wr[d, heads, head_dim] ~ init
  param wo[heads, head_dim, d] ~ offer(init, fan_in: heads * head_dim, fan_out: d)
  param content_bias[heads, head_dim], distance_bias[heads, head_dim], segment_bias[heads, head_dim] ~ zeros
  param segments[2, heads, head_dim] ~ init

  # Row n is the distance i - j = n - (context - 1).
  span = 2 * context - 1
  half = d / 2
  table wave[span, d](n, m) = if m < half then sin((n - (context - 1)) / base ^ (m / half)) else cos((n - (context - 1)) / base ^ (m / half - 1))
  r[n, h, c] = wave[n, m] * wr[m, h, c]
  place = positions(x)

  q[h, i, c] = x[i, m] * wq[m, h, c]
  k[h, j, c] = x[j, m] * wk[m, h, c]
  v[h, j, c] = x[j, m] * wv[m, h, c]
  by_content[h, i, c] = q[h, i, c] + content_bias[h, c]
  by_distance[h, i, c] = q[h, i, c] + distance_bias[h, c]
  by_segment[h, i, c] = q[h, i, c] + segment_bias[h, c]
  g[h, i, b] = by_segment[h, i, c] * segments[b, h, c]

  s[h, i, j] = by_content[h, i, c] * k[h, j, c] + by_distance[h, i, c] * r[place[i] - place[j] + context - 1, h, c]
  s[h, i, j] = s[h, i, j] + (if segment[i] == segment[j] then g[h, i, 0] else g[h, i, 1])
  p[h, i, j] = softmax[j](s[h, i, j] / sqrt(head_dim) where mask(i, j))
  y[i, n] = p[h, i, j] * v[h, j, c] * wo[h, c, n]
  return y
}

# Most positions see those at most \`reach\` away, and those that are \`everywhere\` (1, not 0); the latter see all others, by
# matrices of their own. What holds nothing sees nothing.   x[t, d], everywhere[t], valid[t] → [t, d]; Beltagy, Peters and Cohan, 2020
block local_global_attention(x[t, d], everywhere[t], valid[t], heads, reach, head_dim = d / heads, std = 0.02, init = normal(std)) {
  param wq[d, heads, head_dim], wk[d, heads, head_dim], wv[d, heads, head_dim] ~ init
  param wq_global[d, heads, head_dim], wk_global[d, heads, head_dim], wv_global[d, heads, head_dim] ~ init
  param wo[heads, head_dim, d] ~ offer(init, fan_in: heads * head_dim, fan_out: d)
  param bq[heads, head_dim], bk[heads, head_dim], bv[heads, head_dim], bo[d] ~ zeros
  param bq_global[heads, head_dim], bk_global[heads, head_dim], bv_global[heads, head_dim] ~ zeros

  q[h, i, c] = x[i, m] * wq[m, h, c] + bq[h, c]
  k[h, j, c] = x[j, m] * wk[m, h, c] + bk[h, c]
  v[h, j, c] = x[j, m] * wv[m, h, c] + bv[h, c]
  s[h, i, j] = q[h, i, c] * k[h, j, c] / sqrt(head_dim)
  p[h, i, j] = softmax[j](s[h, i, j] where valid[i] and valid[j] and (abs(i - j) <= reach or everywhere[j] > 0))
  local[h, i, c] = p[h, i, j] * v[h, j, c]

  all_q[h, i, c] = x[i, m] * wq_global[m, h, c] + bq_global[h, c]
  all_k[h, j, c] = x[j, m] * wk_global[m, h, c] + bk_global[h, c]
  all_v[h, j, c] = x[j, m] * wv_global[m, h, c] + bv_global[h, c]
  all_s[h, i, j] = all_q[h, i, c] * all_k[h, j, c] / sqrt(head_dim)
  all_p[h, i, j] = softmax[j](all_s[h, i, j] where valid[i] and valid[j])
  whole[h, i, c] = all_p[h, i, j] * all_v[h, j, c]

  mixed[h, i, c] = if everywhere[i] > 0 then whole[h, i, c] else local[h, i, c]
  y[i, n] = mixed[h, i, c] * wo[h, c, n] + bo[n]
  return y
}

# Positions counted over what is no padding, from padding_id + 1 on; padding has number padding_id.   tokens[t] → integers [t]; Liu et al., 2019
block counted_positions(tokens[t], padding_id) {
  held[i] = if tokens[i] == padding_id then 0 else 1
  y[i] = integer(sum[j](if j <= i then held[j] else 0) * held[i] + padding_id)
  return y
}
`,
  "convolutions": `# Convolutions: a row, or a square, of each window of an axis, with weights that are the same everywhere.

# y_i = Σ_k x[i · stride + k · dilation - padding] W_k + b, with zeros outside.   x[t, d] → [rows, out]
# Without \`stride\`, and with an odd width, as many rows as before. \`causal\` puts all zeros before the first row, so that a
# row sees itself and what came before; \`groups\` cuts the channels into as many parts that do not see each other.
# (t + 2 · padding - dilation · (width - 1) - 1) // stride + 1 rows, which has to be a number, or a sum of lengths and numbers.
block conv1d(x[t, d], out, width, stride = 1, dilation = 1, groups = 1, padding = dilation * (width - 1) // 2, causal = false, bias = true, std = 0.02, init = normal(std)) {
  span = dilation * (width - 1)
  before = if causal then span else padding
  after = if causal then 0 else padding
  rows = (t + before + after - span - 1) // stride + 1
  framed = pad(x, before, after)
  if groups == 1 {
    param w[width, d, out] ~ offer(init, fan_in: width * d, fan_out: out)
    y[i < rows, n] = framed[i * stride + k * dilation, c] * w[k, c, n]
  } else {
    inner = d / groups
    outer = out / groups
    param w[groups, width, inner, outer] ~ offer(init, fan_in: width * inner, fan_out: outer)
    parts[j, g < groups, c < inner] = framed[j, g * inner + c]
    z[i < rows, g, n] = parts[i * stride + k * dilation, g, c] * w[g, k, c, n]
    y[i, n < out] = z[i, n // outer, n % outer]
  }
  param b[out] ~ zeros if bias
  y[i, n] = y[i, n] + b[n]
  return y
}

# conv1d with one group a channel: a channel sees only itself.   x[t, d] → [rows, d]
block depthwise_conv1d(x[t, d], width, stride = 1, dilation = 1, padding = dilation * (width - 1) // 2, causal = false, bias = true, std = 0.02, init = normal(std)) {
  span = dilation * (width - 1)
  before = if causal then span else padding
  after = if causal then 0 else padding
  rows = (t + before + after - span - 1) // stride + 1
  framed = pad(x, before, after)
  param w[width, d] ~ offer(init, fan_in: width, fan_out: 1)
  param b[d] ~ zeros if bias
  y[i < rows, c] = sum[k](framed[i * stride + k * dilation, c] * w[k, c]) + b[c]
  return y
}

# A depthwise convolution, then a linear map of each row: the weights are products of one for the place and one for the
# channels.   x[t, d] → [rows, out]; Chollet, 2017
block separable_conv1d(x[t, d], out, width, stride = 1, dilation = 1, padding = dilation * (width - 1) // 2, causal = false, bias = true, std = 0.02) {
  y = depthwise_conv1d(x, width, stride, dilation, padding, causal, bias: false, std: std) as depthwise
  return linear(y, out, bias, std) as pointwise
}

# The adjoint of conv1d without bias: each row is added, weighted, to \`width\` rows, \`stride\` apart.   x[t, d] → [rows, out]
# (t - 1) · stride + dilation · (width - 1) + 1 - 2 · padding rows.
block transposed_conv1d(x[t, d], out, width, stride = 1, dilation = 1, padding = 0, bias = true, std = 0.02, init = normal(std)) {
  span = dilation * (width - 1)
  rows = (t - 1) * stride + span + 1 - 2 * padding
  param w[width, out, d] ~ offer(init, fan_in: width * d, fan_out: out)
  param b[out] ~ zeros if bias
  apart[i, s < stride, c] = if s < 1 then x[i, c] else 0
  flat[j < t * stride, c] = apart[j // stride, j % stride, c]
  framed = pad(flat, span, span)
  y[j < rows, n] = framed[j + padding + k * dilation, c] * w[width - 1 - k, n, c] + b[n]
  return y
}

# conv1d over the rows and columns of an image; the width, the stride and the padding are those of both.
# image[height, width, channels] → [rows, columns, out]
block conv2d(image[height, width, channels], out, size, stride = 1, dilation = 1, padding = dilation * (size - 1) // 2, bias = true, std = 0.02, init = normal(std)) {
  span = dilation * (size - 1)
  rows = (height + 2 * padding - span - 1) // stride + 1
  columns = (width + 2 * padding - span - 1) // stride + 1
  framed = pad(pad(image, padding, padding), padding, padding, axis: 1)
  param w[size, size, channels, out] ~ offer(init, fan_in: size * size * channels, fan_out: out)
  param b[out] ~ zeros if bias
  y[i < rows, j < columns, n] = framed[i * stride + r * dilation, j * stride + s * dilation, c] * w[r, s, c, n] + b[n]
  return y
}

# conv2d with one group a channel.   image[height, width, channels] → [rows, columns, channels]
block depthwise_conv2d(image[height, width, channels], size, stride = 1, dilation = 1, padding = dilation * (size - 1) // 2, bias = true, std = 0.02, init = normal(std)) {
  span = dilation * (size - 1)
  rows = (height + 2 * padding - span - 1) // stride + 1
  columns = (width + 2 * padding - span - 1) // stride + 1
  framed = pad(pad(image, padding, padding), padding, padding, axis: 1)
  param w[size, size, channels] ~ offer(init, fan_in: size * size, fan_out: 1)
  param b[channels] ~ zeros if bias
  y[i < rows, j < columns, c] = sum[r, s](framed[i * stride + r * dilation, j * stride + s * dilation, c] * w[r, s, c]) + b[c]
  return y
}

# A convolution whose weights are one distribution over the places for each group of channels.
# x[t, d] → [t, d]; Wu et al., 2019: lightweight
block lightweight_conv(x[t, d], width, heads, causal = false, std = 0.02) {
  param w[heads, width] ~ normal(std)
  share = d / heads
  p[h, k] = softmax[k](w[h, k])
  framed = pad(x, if causal then width - 1 else (width - 1) // 2, if causal then 0 else width // 2)
  parts[j, h < heads, c < share] = framed[j, h * share + c]
  mixed[i < t, h, c] = parts[i + k, h, c] * p[h, k]
  y[i, n < d] = mixed[i, n // share, n % share]
  return y
}

# lightweight_conv with weights that each row computes for itself.   x[t, d] → [t, d]; Wu et al., 2019: dynamic
block dynamic_conv(x[t, d], width, heads, causal = false, std = 0.02) {
  param w[d, heads, width] ~ normal(std)
  share = d / heads
  s[i, h, k] = x[i, m] * w[m, h, k]
  p[i, h, k] = softmax[k](s[i, h, k])
  framed = pad(x, if causal then width - 1 else (width - 1) // 2, if causal then 0 else width // 2)
  parts[j, h < heads, c < share] = framed[j, h * share + c]
  mixed[i < t, h, c] = parts[i + k, h, c] * p[i, h, k]
  y[i, n < d] = mixed[i, n // share, n % share]
  return y
}
`,
  "decoder": `# Decoders: each position sees what came before it and learns to say what comes next. GPT, LLaMA, Gemma and their like.

# A decoder-only transformer. Input \`tokens\`, output \`logits\`, trained on the next token.
#   vocab: number of token ids
#   context: the longest sequence
#   d_model: width of the stream
#   layers: number of layers
#   heads: attention heads
#   kv_heads: heads of keys and values; fewer than \`heads\` is grouped-query, 1 is multi-query attention
#   head_dim: width of a head
#   norm: layer_norm, rms_norm, with arguments as in rms_norm(eps: 1e-5), or a block of your own
#   norm_at: pre, post, sandwich, deepnorm (stronger stream and smaller initial values, by the depth), dual_residual, parallel (attention and feed-forward side by side), parallel_norms (each with a norm of its own), none
#   position: none, learned(offset:), sinusoidal, rope(base:, fraction:, layout:, scaling:, factor:, original:), alibi, t5(buckets:, distance:), shaw(clip:), xpos(base:, scale_base:)
#   mask: causal, sliding(w), prefix(n), full, or a mask of your own; padding is never seen
#   layer_masks: none, or a list of masks, [sliding(128), causal], that the layers take in turn
#   score: a score of your own, applied to the scaled products before those of \`position\`
#   temperature: what the dot products are divided by
#   qk_norm: none, rms_norm, layer_norm, or a block on [heads, t, head_dim], for queries and keys
#   soft_cap: none, or c: attention scores become c · tanh(s / c)
#   ffn: mlp, gated_mlp, swiglu, geglu, reglu, moe(experts:, top:), with arguments as in mlp(hidden:, act: relu), or a block of your own; hidden is 4 d_model where not said
#   bias: whether attention and mlp have biases
#   qkv_bias: whether queries, keys and values have
#   key_bias: whether keys have
#   out_bias: whether the last matrix of attention has
#   head_bias: whether the output has; frozen: one that is not learned
#   dropout: the rate of the three below
#   residual_dropout: on what a sub-layer gives
#   attention_dropout: on attention weights
#   embedding_dropout: on embeddings with their positions
#   tied: whether the output uses the embedding's table
#   embedding_size: none, or the width of the embeddings, which linear maps take to d_model, and back before the output
#   embedding_scale: what embeddings are multiplied by; sqrt(d_model) in the first Transformer
#   embedding_norm: none, or a norm of the embeddings
#   init: initial values of matrices: normal(0.02), xavier_normal, …
#   output_init: initial values of the matrices that write to the stream; depth_scaled divides init by sqrt(2 layers)
#   embedding_init: initial values of the embeddings
#   final_soft_cap: none, or c: logits become c · tanh(logits / c)
#   share_layers: whether all layers share one set of parameters
#   smoothing: label smoothing, the share of a target that is spread over all tokens
model decoder(
  vocab = 256, context = 256, d_model = 128, layers = 4, heads = 4, kv_heads = heads, head_dim = d_model / heads,
  norm = layer_norm, norm_at = pre, position = learned, mask = causal, layer_masks = none, score = none, temperature = sqrt(head_dim),
  qk_norm = none, soft_cap = none, ffn = mlp,
  bias = true, qkv_bias = bias, key_bias = qkv_bias, out_bias = bias, head_bias = false,
  dropout = 0, residual_dropout = dropout, attention_dropout = dropout, embedding_dropout = dropout,
  tied = true, embedding_size = none, embedding_scale = 1, embedding_norm = none, init = normal(0.02), output_init = init, embedding_init = init,
  final_soft_cap = none, share_layers = false, smoothing = 0
) {
  input tokens[t <= context] : int(vocab)

  width = if embedding_size == none then d_model else embedding_size
  use wte = embedding(vocab, width, init: embedding_init)
  x = wte(tokens)
  if embedding_size != none { x = linear(x, d_model, bias: false) as embedding_map }
  # How strong the stream is and how small initial values are, by the depth.   Wang et al., 2022
  match norm_at {
    deepnorm {
      alpha = (2 * layers) ^ 0.25
      beta = (8 * layers) ^ -0.25
    }
    pre, post, sandwich, dual_residual, parallel, parallel_norms, none {
      alpha = 1
      beta = 1
    }
  }
  written = if output_init == depth_scaled then init / sqrt(2 * layers) else output_init

  attend = attention(
    heads: heads, kv_heads: kv_heads, head_dim: head_dim, bias: bias, qkv_bias: qkv_bias,
    key_bias: key_bias, out_bias: out_bias,
    qk_norm: qk_norm, temperature: temperature, soft_cap: soft_cap, dropout_rate: attention_dropout,
    init: init, value_init: beta * init, out_init: beta * written
  )
  if layer_masks == none { attend = attend(mask: padded(mask, valid(tokens))) }
  feed = offer(ffn, hidden: 4 * d_model, bias: bias, init: beta * init, out_init: beta * written)
  x = transformer(
    x, layers, attend, feed, layer_masks: layer_masks, valid: valid(tokens),
    position: position, heads: heads, context: context, score: score,
    norm: norm, norm_at: norm_at, alpha: alpha, residual_dropout: residual_dropout, share: share_layers,
    embedding_scale: embedding_scale, embedding_norm: embedding_norm, embedding_dropout: embedding_dropout
  ) as _

  if embedding_size != none { x = linear(x, width, bias: false) as output_map }
  if tied {
    logits = unembed(x, wte.table, bias: head_bias)
  } else {
    use head = embedding(vocab, width, init: embedding_init)
    logits = unembed(x, head.table, bias: head_bias)
  }
  output logits = capped(logits, final_soft_cap)
  loss cross_entropy(logits, next(tokens), smoothing: smoothing)
}
`,
  "encoder": `# Encoders: each position sees all others. BERT and its like, with masked tokens or a label per sequence to learn from.

# An encoder-only transformer. Input \`tokens\` (and \`segment\`, \`label\`), output \`logits\`, trained on hidden tokens or on labels.
#   vocab: number of token ids
#   context: the longest sequence
#   d_model: width of the stream
#   layers: number of layers
#   heads: attention heads
#   kv_heads: heads of keys and values; fewer than \`heads\` is grouped-query, 1 is multi-query attention
#   head_dim: width of a head
#   norm: layer_norm, rms_norm, with arguments as in rms_norm(eps: 1e-5), or a block of your own
#   norm_at: pre, post, sandwich, deepnorm (stronger stream and smaller initial values, by the depth), dual_residual, parallel (attention and feed-forward side by side), parallel_norms (each with a norm of its own), none
#   position: none, learned(offset:), sinusoidal(layout:), rope(base:, fraction:, layout:, scaling:, factor:, original:), stored_rope (rope by a table in checkpoints), alibi, t5(buckets:, distance:), shaw(clip:)
#   mask: full, or a mask of your own; padding is never seen
#   score: a score of your own, applied to the scaled products before those of \`position\`
#   temperature: what the dot products are divided by
#   qk_norm: none, rms_norm, layer_norm, or a block on [heads, t, head_dim], for queries and keys
#   soft_cap: none, or c: attention scores become c · tanh(s / c)
#   ffn: mlp, gated_mlp, swiglu, geglu, reglu, moe(experts:, top:), with arguments as in mlp(hidden:, act: relu), or a block of your own; hidden is 4 d_model where not said
#   bias: whether attention, mlp and the head of \`classify\` have biases
#   dropout: the rate of the three below
#   residual_dropout: on what a sub-layer gives
#   attention_dropout: on attention weights
#   embedding_dropout: on embeddings with their positions
#   segments: number of segment ids of the input \`segment\`; 0: there is no such input
#   embedding_size: none, or the width of the embeddings, which a linear map takes to d_model
#   task: masked (input \`tokens\` is corrupted, the logits of each position learn what stood there), classify (one label per sequence), both (output \`label_logits\` beside \`logits\`), features (outputs \`hidden\` and, with a pooler, \`pooled\`; nothing to learn)
#   classes: number of labels of \`classify\`
#   pooling: mean, first: the vector of a sequence that \`classify\` reads
#   pooler: none, or a block between that vector and the label, as dense(act:)
#   head_transform: none, or a block between the stream and the output's table of \`masked\`, as dense_norm(act:)
#   tied: whether the output of \`masked\` uses the embedding's table
#   head_bias: whether that output has a bias, a number per token; frozen: one that is not learned
#   embedding_scale: what embeddings are multiplied by
#   embedding_norm: none, or a norm of the embeddings
#   init: initial values of matrices: normal(0.02), xavier_normal, …
#   output_init: initial values of the matrices that write to the stream; depth_scaled divides init by sqrt(2 layers)
#   embedding_init: initial values of the embeddings
#   final_soft_cap: none, or c: logits become c · tanh(logits / c)
#   share_layers: whether all layers share one set of parameters
#   smoothing: label smoothing, the share of a target that is spread over all classes
model encoder(
  vocab = 256, context = 256, d_model = 128, layers = 4, heads = 4, kv_heads = heads, head_dim = d_model / heads,
  norm = layer_norm, norm_at = pre, position = learned, mask = full, score = none, temperature = sqrt(head_dim),
  qk_norm = none, soft_cap = none, ffn = mlp, bias = true,
  dropout = 0, residual_dropout = dropout, attention_dropout = dropout, embedding_dropout = dropout,
  segments = 0, embedding_size = none, task = masked, classes = 2, pooling = mean, pooler = none, head_transform = none,
  tied = true, head_bias = false, embedding_scale = 1, embedding_norm = none, init = normal(0.02), output_init = init, embedding_init = init,
  final_soft_cap = none, share_layers = false, smoothing = 0
) {
  input tokens[t <= context] : int(vocab)

  width = if embedding_size == none then d_model else embedding_size
  use wte = embedding(vocab, width, init: embedding_init)
  x = wte(tokens)
  if segments > 0 {
    input segment[t] : int(segments)
    use wse = embedding(segments, width, init: embedding_init)
    x = x + wse(segment)
  }

  # How strong the stream is and how small initial values are, by the depth.   Wang et al., 2022
  match norm_at {
    deepnorm {
      alpha = (2 * layers) ^ 0.25
      beta = (8 * layers) ^ -0.25
    }
    pre, post, sandwich, dual_residual, parallel, parallel_norms, none {
      alpha = 1
      beta = 1
    }
  }
  written = if output_init == depth_scaled then init / sqrt(2 * layers) else output_init

  attend = attention(
    heads: heads, kv_heads: kv_heads, head_dim: head_dim, mask: padded(mask, valid(tokens)), bias: bias,
    qk_norm: qk_norm, temperature: temperature, soft_cap: soft_cap, dropout_rate: attention_dropout,
    init: init, value_init: beta * init, out_init: beta * written
  )
  feed = offer(ffn, hidden: 4 * d_model, bias: bias, init: beta * init, out_init: beta * written)
  x = transformer(
    x, layers, attend, feed, width: if embedding_size == none then none else d_model,
    position: position, heads: heads, context: context, score: score, two_sided: true,
    norm: norm, norm_at: norm_at, alpha: alpha, residual_dropout: residual_dropout, share: share_layers,
    embedding_scale: embedding_scale, embedding_norm: embedding_norm, embedding_dropout: embedding_dropout
  ) as _

  if task == classify or task == both or task == features and pooler != none {
    vector = pooled(x, valid(tokens), pooling)
    if pooler != none { vector = offer(pooler, bias: bias, init: init)(vector) as pooler }
  }
  match task {
    masked, both {
      if head_transform != none { x = offer(head_transform, out: width, norm: norm, init: init)(x) as head_transform }
      if tied {
        logits = unembed(x, wte.table, bias: head_bias)
      } else {
        use head = embedding(vocab, width, init: embedding_init)
        logits = unembed(x, head.table, bias: head_bias)
      }
      output logits = capped(logits, final_soft_cap)
      loss cross_entropy(logits, original(tokens), smoothing: smoothing)
    }
    classify, features { }
  }
  match task {
    classify {
      input label : int(classes)
      logits = label_logits(vector, classes, bias, init: init) as head
      output logits = capped(logits, final_soft_cap)
      loss label_cross_entropy(logits, label, smoothing: smoothing)
    }
    both {
      input label : int(classes)
      label_logits = label_logits(vector, classes, bias, init: init) as label_head
      output label_logits = label_logits
      loss label_cross_entropy(label_logits, label)
    }
    features {
      output hidden = x
      if pooler != none { output pooled = vector }
    }
    masked { }
  }
}
`,
  "encoder_decoder": `# Encoder-decoders: one sequence is read as a whole, another is written from left to right. The first Transformer, T5, BART.

# Inputs \`source\` and \`target\`, output \`logits\`, trained on the next token of \`target\`.
#   vocab: number of token ids
#   source_vocab: the same of \`source\`
#   target_vocab: the same of \`target\`
#   context: the longest sequence, of either side
#   d_model: width of the streams
#   layers: number of layers, of either side
#   encoder_layers: layers of the encoder
#   decoder_layers: layers of the decoder
#   heads: attention heads
#   kv_heads: heads of keys and values; fewer than \`heads\` is grouped-query, 1 is multi-query attention
#   head_dim: width of a head
#   norm: layer_norm, rms_norm, with arguments as in rms_norm(eps: 1e-5), or a block of your own
#   norm_at: pre, post, sandwich, deepnorm (stronger streams and smaller initial values, by the depths), dual_residual, parallel (attention and feed-forward side by side), parallel_norms (each with a norm of its own), none
#   position: none, learned(offset:), sinusoidal(layout:), rope(base:, fraction:, layout:, scaling:, factor:, original:), alibi, t5(buckets:, distance:), shaw(clip:); inside self-attention only
#   mask: what the decoder sees of itself: causal, sliding(w), prefix(n), or a mask of your own; padding is never seen
#   encoder_mask: what the encoder sees of itself: full, or a mask of your own
#   score: a score of your own, applied to the scaled products of self-attention before those of \`position\`
#   temperature: what the dot products are divided by
#   qk_norm: none, rms_norm, layer_norm, or a block on [heads, t, head_dim], for queries and keys
#   soft_cap: none, or c: attention scores become c · tanh(s / c)
#   ffn: mlp, gated_mlp, swiglu, geglu, reglu, moe(experts:, top:), with arguments as in mlp(hidden:, act: relu), or a block of your own; hidden is 4 d_model where not said
#   bias: whether attention and mlp have biases
#   dropout: the rate of the three below
#   residual_dropout: on what a sub-layer gives
#   attention_dropout: on attention weights
#   embedding_dropout: on embeddings with their positions
#   tied: all (source, target and output use one table), input (source and target do), output (target and output do), none
#   head_scale: what the decoder's stream is multiplied by before the output's table; d_model ^ -0.5 in the first T5
#   head_bias: whether the output has a bias, a number per token; frozen: one that is not learned
#   embedding_scale: what embeddings are multiplied by; sqrt(d_model) in the first Transformer
#   embedding_norm: none, or a norm of the embeddings
#   init: initial values of matrices: normal(0.02), xavier_uniform, …
#   output_init: initial values of the matrices that write to the streams; depth_scaled divides init by sqrt(2 layers), by sqrt(3 layers) in the decoder
#   embedding_init: initial values of the embeddings
#   final_soft_cap: none, or c: logits become c · tanh(logits / c)
#   share_layers: whether all layers of a side share one set of parameters
#   smoothing: label smoothing, the share of a target that is spread over all tokens
model encoder_decoder(
  vocab = 256, source_vocab = vocab, target_vocab = vocab, context = 256, d_model = 128,
  layers = 4, encoder_layers = layers, decoder_layers = layers, heads = 4, kv_heads = heads, head_dim = d_model / heads,
  norm = layer_norm, norm_at = pre, position = sinusoidal, mask = causal, encoder_mask = full, score = none,
  temperature = sqrt(head_dim), qk_norm = none, soft_cap = none, ffn = mlp, bias = true,
  dropout = 0, residual_dropout = dropout, attention_dropout = dropout, embedding_dropout = dropout,
  tied = all, head_scale = 1, head_bias = false, embedding_scale = 1, embedding_norm = none, init = normal(0.02), output_init = init, embedding_init = init,
  final_soft_cap = none, share_layers = false, smoothing = 0
) {
  input source[s <= context] : int(source_vocab)
  input target[t <= context] : int(target_vocab)

  # How strong the streams are and how small initial values are, by the depths.   Wang et al., 2022
  match norm_at {
    deepnorm {
      depths = encoder_layers ^ 4 * decoder_layers
      encoder_alpha = 0.81 * depths ^ 0.0625
      encoder_beta = 0.87 * depths ^ -0.0625
      decoder_alpha = (3 * decoder_layers) ^ 0.25
      decoder_beta = (12 * decoder_layers) ^ -0.25
    }
    pre, post, sandwich, dual_residual, parallel, parallel_norms, none {
      encoder_alpha = 1
      encoder_beta = 1
      decoder_alpha = 1
      decoder_beta = 1
    }
  }
  encoder_written = if output_init == depth_scaled then init / sqrt(2 * encoder_layers) else output_init
  decoder_written = if output_init == depth_scaled then init / sqrt(3 * decoder_layers) else output_init

  use wte = embedding(target_vocab, d_model, init: embedding_init)
  match tied {
    all, input { x = wte(source) }
    output, none {
      use source_wte = embedding(source_vocab, d_model, init: embedding_init)
      x = source_wte(source)
    }
  }

  # What all attention here has in common, and all layers.
  look = attention(
    heads: heads, kv_heads: kv_heads, head_dim: head_dim, bias: bias, qk_norm: qk_norm, temperature: temperature,
    soft_cap: soft_cap, dropout_rate: attention_dropout, init: init
  )
  side = transformer(
    position: position, heads: heads, context: context, score: score,
    norm: norm, norm_at: norm_at, residual_dropout: residual_dropout, share: share_layers,
    embedding_scale: embedding_scale, embedding_norm: embedding_norm, embedding_dropout: embedding_dropout
  )

  read = look(value_init: encoder_beta * init, out_init: encoder_beta * encoder_written)
  memory = side(
    x, encoder_layers, two_sided: true, alpha: encoder_alpha,
    attend: read(mask: padded(encoder_mask, valid(source))),
    feed: offer(ffn, hidden: 4 * d_model, bias: bias, init: encoder_beta * init, out_init: encoder_beta * encoder_written)
  ) as encoder

  write = look(value_init: decoder_beta * init, out_init: decoder_beta * decoder_written)
  y = side(
    wte(target), decoder_layers, alpha: decoder_alpha,
    attend: write(mask: padded(mask, valid(target))),
    cross: write(memory: memory, mask: padding(valid(source))),
    feed: offer(ffn, hidden: 4 * d_model, bias: bias, init: decoder_beta * init, out_init: decoder_beta * decoder_written)
  ) as decoder

  y = head_scale * y
  match tied {
    all, output { logits = unembed(y, wte.table, bias: head_bias) }
    input, none {
      use head = embedding(target_vocab, d_model, init: embedding_init)
      logits = unembed(y, head.table, bias: head_bias)
    }
  }
  output logits = capped(logits, final_soft_cap)
  loss cross_entropy(logits, next(target), smoothing: smoothing)
}
`,
  "layers": `# Layers with parameters: embeddings, linear maps, norms, feed-forward blocks.

# Row tokens[i] of a table.   tokens[t], integers → [t, d]
block embedding(tokens[t], vocab, d, std = 0.02, init = normal(std)) {
  param table[vocab, d] ~ init
  y[i, m] = table[tokens[i], m]
  return y
}

# Logits by a table's rows: y_v = x · table_v.   x[t, d] → [t, vocab]
# With the input embedding's table it is tied: Press and Wolf, 2017. \`bias\`: a number per token is added, learned
# or \`frozen\`, part of checkpoints only.
block unembed(x[t, d], table[vocab, d], bias = false) {
  if bias == frozen { frozen param b[vocab] ~ zeros } else { param b[vocab] ~ zeros if bias }
  y[i, v] = x[i, m] * table[v, m] + b[v]
  return y
}

# y = x W + b.   x[t, d] → [t, out]
block linear(x[t, d], out, bias = true, std = 0.02) {
  param w[d, out] ~ normal(std)
  param b[out] ~ zeros if bias
  y[i, n] = x[i, m] * w[m, n] + b[n]
  return y
}

# act(x W + b), one vector.   x[d] → [d]; what BERT puts between a sequence's vector and its label
block dense(x[d], act = tanh, bias = true, std = 0.02, init = normal(std)) {
  param w[d, d] ~ init
  param b[d] ~ zeros if bias
  y[n] = x[m] * w[m, n] + b[n]
  return act(y)
}

# norm(act(x W + b)).   x[t, d] → [t, out]; what BERT puts between the stream and the output's table: Devlin et al., 2019
block dense_norm(x[t, d], out = d, act = gelu, norm = layer_norm, bias = true, std = 0.02, init = normal(std)) {
  param w[d, out] ~ init
  param b[out] ~ zeros if bias
  y[i, n] = x[i, m] * w[m, n] + b[n]
  return norm(act(y))
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
# \`offset\` is added to the gain, which then starts at 0: Gemma Team, 2024.
block rms_norm(x[t, d], eps = 1e-6, offset = 0) {
  param gain[d] ~ if offset == 0 then ones else zeros
  square[i] = mean[c](x[i, c] * x[i, c])
  if offset == 0 {
    y[i, c] = x[i, c] / sqrt(square[i] + eps) * gain[c]
  } else {
    y[i, c] = x[i, c] / sqrt(square[i] + eps) * (offset + gain[c])
  }
  return y
}

# act(x W1 + b1) W2 + b2.   x[t, d] → [t, d]; Vaswani et al., 2017
block mlp(x[t, d], hidden, act = gelu, bias = true, dropout_rate = 0, std = 0.02, out_std = std, init = normal(std), out_init = normal(out_std)) {
  param w1[d, hidden] ~ init
  param b1[hidden] ~ zeros if bias
  param w2[hidden, d] ~ out_init
  param b2[d] ~ zeros if bias
  h[i, f] = x[i, m] * w1[m, f] + b1[f]
  a = dropout(act(h), dropout_rate)
  y[i, n] = a[i, f] * w2[f, n] + b2[n]
  return y
}

# (act(x Wg) · x Wu) Wd: with silu SwiGLU, with gelu GEGLU.   Shazeer, 2020. \`with_bias\`: a bias after each matrix.
block gated_mlp(x[t, d], hidden, act = silu, with_bias = false, dropout_rate = 0, std = 0.02, out_std = std, init = normal(std), out_init = normal(out_std)) {
  param wg[d, hidden], wu[d, hidden] ~ init
  param wd[hidden, d] ~ out_init
  param bg[hidden], bu[hidden], bd[d] ~ zeros if with_bias
  gate[i, f] = x[i, m] * wg[m, f] + bg[f]
  up[i, f] = x[i, m] * wu[m, f] + bu[f]
  a = dropout(act(gate) * up, dropout_rate)
  y[i, n] = a[i, f] * wd[f, n] + bd[n]
  return y
}

# gated_mlp with silu: (silu(x Wg) · x Wu) Wd.   Shazeer, 2020
block swiglu(x[t, d], hidden, dropout_rate = 0, std = 0.02, out_std = std, init = normal(std), out_init = normal(out_std)) {
  return gated_mlp(x, hidden, silu, dropout_rate: dropout_rate, init: init, out_init: out_init) as _
}
# gated_mlp with gelu.
block geglu(x[t, d], hidden, dropout_rate = 0, std = 0.02, out_std = std, init = normal(std), out_init = normal(out_std)) {
  return gated_mlp(x, hidden, gelu, dropout_rate: dropout_rate, init: init, out_init: out_init) as _
}
# gated_mlp with relu.
block reglu(x[t, d], hidden, dropout_rate = 0, std = 0.02, out_std = std, init = normal(std), out_init = normal(out_std)) {
  return gated_mlp(x, hidden, relu, dropout_rate: dropout_rate, init: init, out_init: out_init) as _
}

# A mixture of \`experts\` MLPs: each row goes through the \`top\` experts that its router likes best, weighted by the router's
# probabilities, which \`renormalise\` makes add up to 1.   Shazeer et al., 2017; Fedus et al., 2022; Jiang et al., 2024
# Computed densely: every expert sees every row and the weights of those not chosen are 0, so that it costs experts / top
# times the arithmetic of a sparse one, and [t, experts, hidden] elements of memory.
block moe(x[t, d], experts, hidden, top = 2, act = silu, gated = true, renormalise = true, dropout_rate = 0, std = 0.02, out_std = std, init = normal(std), out_init = normal(out_std)) {
  param router[d, experts] ~ init
  param wg[experts, d, hidden] ~ offer(init, fan_in: d, fan_out: hidden) if gated
  param w1[experts, d, hidden] ~ offer(init, fan_in: d, fan_out: hidden)
  param w2[experts, hidden, d] ~ offer(out_init, fan_in: hidden, fan_out: d)

  r[i, e] = x[i, m] * router[m, e]
  p[i, e] = softmax[e](r[i, e])
  chosen[i, e] = if rank[e](r[i, e]) < top then p[i, e] else 0
  if renormalise {
    whole[i] = sum[e](chosen[i, e])
    chosen[i, e] = chosen[i, e] / whole[i]
  }
  up[i, e, f] = x[i, m] * w1[e, m, f]
  if gated {
    gate[i, e, f] = x[i, m] * wg[e, m, f]
    a = act(gate) * up
  } else {
    a = act(up)
  }
  a = dropout(a, dropout_rate)
  y[i, n] = chosen[i, e] * a[i, e, f] * w2[e, f, n]
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

# One vector for a sequence: the mean of the positions that hold something, or the first.   x[t, d], valid[t] → [d]
block pooled(x[t, d], valid[t], pooling = mean) {
  match pooling {
    mean { y[m] = mean[i](x[i, m] where valid[i]) }
    first { y[m] = x[0, m] }
  }
  return y
}

# Logits of labels: y = x W + b.   x[d] → [classes]
block label_logits(x[d], classes, bias = true, std = 0.02, init = normal(std)) {
  param w[d, classes] ~ init
  param b[classes] ~ zeros if bias
  y[n] = x[m] * w[m, n] + b[n]
  return y
}

# The image in squares of \`size\`, each one a row, from left to right and from top to bottom; a square's elements are ordered
# (row, column, channel).   image[height, width, channels] → [squares, size · size · channels]; Dosovitskiy et al., 2021
block patches(image[height, width, channels], size) {
  across = width / size
  grid[r, s, a, b, c] = image[r * size + a, s * size + b, c]
  y[n, m] = grid[n // across, n % across, m // (size * channels), m // channels % size, m % channels]
  return y
}

# Norms see no shift and no scale, each position is for itself, and outside training nothing is dropped.
law layer_norm_scales: layer_norm(3 * x + 2, eps: 0) == layer_norm(x, eps: 0)
law rms_norm_scales: rms_norm(3 * x, eps: 0) == rms_norm(x, eps: 0)
law plain_layer_norm: layer_norm(layer_norm(x, eps: 0, affine: false), eps: 0, affine: false) == layer_norm(x, eps: 0, affine: false)
law rows_alone: permutation_equivariant(mlp(layer_norm(x), 8))
law experts_of_rows: permutation_equivariant(moe(x, experts: 3, hidden: 5))
law all_experts: moe(x, experts: 3, hidden: 5, top: 3, renormalise: false) == moe(x, experts: 3, hidden: 5, top: 3)
law nothing_dropped: dropout(x, 0.5) == x
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

# The same for one label per example.   logits[classes], label[] → sum, count
block label_cross_entropy(logits[classes], label[], smoothing = 0) {
  norm = logsumexp[v](logits[v])
  picked = logits[label]
  average = mean[v](logits[v])
  each = norm - (1 - smoothing) * picked - smoothing * average
  total = if label >= 0 then each else 0
  count = if label >= 0 then 1 else 0
  return total, count
}

# Each x belongs to the y of its own example and to none of the others in the batch: the mean of the cross-entropies of
# scale · x · yᵀ along its rows and along its columns.   x[d], y[d] → a number per example; Radford et al., 2021
block contrastive(x[d], y[d], scale) {
  xs = whole_batch(x)
  ys = whole_batch(y)
  own = sum[m](x[m] * y[m])
  row[n] = x[m] * ys[n, m]
  column[n] = y[m] * xs[n, m]
  each = (logsumexp[n](scale * row[n]) + logsumexp[n](scale * column[n])) / 2 - scale * own
  return each
}
`,
  "masks": `# Masks beyond causal, sliding, prefix and padding: sparse patterns. Positions are absolute; head h is there where it matters.

# Positions at a distance of at most w, on both sides.   Luong, Pham and Manning, 2015; Beltagy, Peters and Cohan, 2020
mask local(w)(i, j) = i - j <= w and j - i <= w

# Positions at a distance of w steps of r at most, on both sides.   Beltagy, Peters and Cohan, 2020
mask dilated(w, r)(i, j) = i - j <= w * r and j - i <= w * r and (i - j) % r == 0

# Every k-th position, on both sides: k separate attentions on the classes of i % k.   Su, 2019
mask atrous(k)(i, j) = (i - j) % k == 0

# Every l-th position before, itself included.   Child et al., 2019
mask strided(l)(i, j) = j <= i and (i - j) % l == 0

# The own block of l, and of every block before one column of width b at its end: of n columns the one that is the head's.
# l is a multiple of b, and l / b at least n.   Child et al., 2019
mask fixed(l, b = 1, n = 1)(h, i, j) = j <= i and (i // l == j // l or j // b % (l // b) == l // b - 1 - h % n)

# The own block of b.
mask blocks(b)(i, j) = i // b == j // b

# Blocks of b by a table of 0 and 1, one for each head.
mask block_layout(table[heads, rows, columns], b)(h, i, j) = table[h, i // b, j // b] > 0

# Neighbouring blocks of b, the first block and the last, which see all and are seen by all, and the blocks that \`random\` has
# drawn, 0 or 1.   random[heads, blocks, blocks]; Zaheer et al., 2020
mask bigbird(random[heads, rows, columns], b)(h, i, j) = (
  i // b - j // b <= 1 and j // b - i // b <= 1 or i // b == 0 or j // b == 0
  or i // b == rows - 1 or j // b == rows - 1 or random[h, i // b, j // b] > 0
)

# Positions whose numbers are equal: documents packed into one sequence, buckets of a hash.   Kitaev, Kaiser and Levskaya, 2020
mask same(number[t])(i, j) = number[i] == number[j]

# Positions that every position sees, marked with 1.   Beltagy, Peters and Cohan, 2020
mask marked(global[s])(i, j) = global[j] > 0

# What the one or the other allows, and what both do.
mask either(first, second)(h, i, j) = first(h, i, j) or second(h, i, j)
mask both(first, second)(h, i, j) = first(h, i, j) and second(h, i, j)

# Limits of patterns.
law every_position: attention(x, 2, mask: atrous(1)) == attention(x, 2)
law every_past_position: attention(x, 2, mask: strided(1)) == attention(x, 2, mask: causal)
law wide_neighbourhood: attention(x, 2, mask: local(64)) == attention(x, 2)
law steps_of_one: attention(x, 2, mask: dilated(3, 1)) == attention(x, 2, mask: local(3))
law one_block: attention(x, 2, mask: blocks(64)) == attention(x, 2)
law past_and_near: attention(x, 2, mask: both(causal, local(2))) == attention(x, 2, mask: sliding(3))
law past_or_future: attention(x, 2, mask: either(causal, local(64))) == attention(x, 2)
law strides_of_the_past: prefix_invariant(attention(x, 2, mask: strided(3)))
law fixed_columns_of_the_past: prefix_invariant(attention(x, 2, mask: fixed(4, b: 1)))
`,
  "mix": `# Generalised mixing: every kind of attention is this formula with other masks, scores, weights and values.

# y_i = Σ_j post(weight_j(blend(score(q_i · k_j / temperature)) where mask)) · value(v_j), the sum over the j that the mask allows.
# q[heads, t, head_dim], k[groups, s, head_dim], v[groups, s, value_dim] → [heads, t, value_dim]; head h reads group h // (heads / groups).
#   mask: what i sees of j, a mask of (i, j) or (h, i, j), positions absolute; a row that sees nothing is 0
#   score: a score of (s, h, i, j); where it captures q or k, as in \`additive\`, it is given them
#   temperature: what the dot products are divided by
#   soft_cap: none, or c: products become c · tanh(s / c) before \`score\`
#   blend: none, or a block on [heads, t, s] for the scores before mask and weights: what mixes heads
#   weight: softmax, softmax1, l1, identity, hard(k:, straight:), or any function of s: sigmoid, relu2, a score of (s)
#   post: none, or a score of (a, h, i, j) for the weights a that the mask allows
#   post_blend: none, or a block on [heads, t, s] for the weights after \`post\`
#   value: none, or a score of (v, h, i, j, c) for each element c of a value
#   key_bias, value_bias: none, or tensors [t, s, …] that are added to k_j and to v_j
#   sink: none, or a score of (h, i): that of a null key which every row sees beside the others; with softmax and l1
#   sink_key, sink_value: none, or the null key [groups, head_dim] in whose place \`sink\` stands, and its value [groups, value_dim]
block mix(q[heads, t, head_dim], k[groups, s, head_dim], v[groups, s, value_dim], mask = full, score = none, temperature = sqrt(head_dim), soft_cap = none, blend = none, weight = softmax, post = none, post_blend = none, value = none, key_bias = none, value_bias = none, sink = none, sink_key = none, sink_value = none, dropout_rate = 0) {
  group = heads / groups
  r[h, i, j] = q[h, i, c] * k[h // group, j, c] / temperature
  if key_bias != none { r[h, i, j] = r[h, i, j] + q[h, i, c] * key_bias[i, j, c] / temperature }
  if soft_cap != none { r = soft_cap * tanh(r / soft_cap) }
  if score != none {
    scored = offer(score, q: q, k: k)
    r[h, i, j] = scored(r[h, i, j], h, i, j)
  }
  r = blend(r)
  p = mixing_weights(r, mask, weight) as _
  if sink_key != none {
    null[h, i] = q[h, i, c] * sink_key[h // group, c] / temperature
    sink = of_row(null)
  }
  if sink != none {
    beside = beside_null(p, r, sink, mask, weight) as _
    p = beside[0]
    rest = beside[1]
  }
  if post != none {
    # Twice, so that a factor that is infinite where the mask forbids makes no gradient of 0 · ∞.
    p[h, i, j] = if mask(h, i, j) then p[h, i, j] else 0
    p[h, i, j] = if mask(h, i, j) then post(p[h, i, j], h, i, j) else 0
  }
  p = dropout(post_blend(p), dropout_rate)
  if value == none {
    y[h, i, c] = p[h, i, j] * v[h // group, j, c]
  } else {
    y[h, i, c] = p[h, i, j] * value(v[h // group, j, c], h, i, j, c)
  }
  if value_bias != none { y[h, i, c] = y[h, i, c] + p[h, i, j] * value_bias[i, j, c] }
  if sink_value != none { y[h, i, c] = y[h, i, c] + rest[h, i] * sink_value[h // group, c] }
  return y
}

# Weights of the scores that the mask allows, 0 for the others.   r[heads, t, s] → the same
block mixing_weights(r[heads, t, s], mask = full, weight = softmax) {
  match weight {
    softmax { p[h, i, j] = softmax[j](r[h, i, j] where mask(h, i, j)) }
    # exp(s) / (1 + Σ exp(s)): a softmax beside a score of 0.   Miller, 2023
    softmax1 {
      total[h, i] = logsumexp[j](r[h, i, j] where mask(h, i, j))
      p[h, i, j] = softmax[j](r[h, i, j] where mask(h, i, j))
      p[h, i, j] = p[h, i, j] * sigmoid(total[h, i])
    }
    # s / Σ s: with products of positive features, linear attention.   Katharopoulos et al., 2020
    l1 {
      total[h, i] = sum[j](r[h, i, j] where mask(h, i, j))
      whole = if total == 0 then 1 else total
      p[h, i, j] = if mask(h, i, j) then r[h, i, j] / whole[h, i] else 0
    }
    # s itself: retention.   Sun et al., 2023
    identity { p[h, i, j] = if mask(h, i, j) then r[h, i, j] else 0 }
    hard { p = weight(r, mask: mask) as _ }
    else {
      # What the mask forbids never reaches the function, so that no gradient becomes 0 · ∞.
      allowed[h, i, j] = if mask(h, i, j) then r[h, i, j] else 0
      p[h, i, j] = if mask(h, i, j) then weight(allowed[h, i, j]) else 0
    }
  }
  return p
}

# relu(s)², for attention without a softmax.   So et al., 2021; Hua et al., 2022
block relu2(x[*]) { return max(x, 0) * max(x, 0) }

# The softmax of the k largest scores that the mask allows, of equals the first; 0 for the others, so that only these k have a
# gradient. \`straight\`: it has the gradient of the softmax of all.   r[heads, t, s] → the same; Xu et al., 2015
block hard(r[heads, t, s], mask = full, k = 1, straight = false) {
  rank[h, i, j] = sum[m]((if r[h, i, m] > r[h, i, j] or r[h, i, m] == r[h, i, j] and m < j then 1 else 0) where mask(h, i, m))
  p[h, i, j] = softmax[j](r[h, i, j] where mask(h, i, j) and rank[h, i, j] < k)
  if straight {
    soft[h, i, j] = softmax[j](r[h, i, j] where mask(h, i, j))
    p = straight_through(p, soft)
  }
  return p
}

# Weights with a null key beside the keys, and the null key's own weight.   p[heads, t, s], r[heads, t, s] → p, [heads, t]
block beside_null(p[heads, t, s], r[heads, t, s], sink, mask = full, weight = softmax) {
  match weight {
    softmax {
      total[h, i] = logsumexp[j](r[h, i, j] where mask(h, i, j))
      seen[h, i] = sum[j](p[h, i, j])
      rest[h, i] = if seen[h, i] > 0.5 then sigmoid(sink(h, i) - total[h, i]) else 1
      p[h, i, j] = p[h, i, j] * sigmoid(total[h, i] - sink(h, i))
    }
    l1 {
      rest[h, i] = sum[j](r[h, i, j] where mask(h, i, j))
      whole[h, i] = rest[h, i] + sink(h, i)
      whole = if whole == 0 then 1 else whole
      p[h, i, j] = if mask(h, i, j) then r[h, i, j] / whole[h, i] else 0
      rest[h, i] = sink(h, i) / whole[h, i]
    }
  }
  return p, rest
}

# The score of a null key: a number for each head, or for each head and row.   Xiao et al., 2023
score of_head(x[h])(h, i) = x[h]
score of_row(x[h, t])(h, i) = x[h, i]

# Rows of weights, and what is given in two ways.
law usual_mix: mix(q, k, v, mask: causal, temperature: sqrt(head_dim)) == mix(q, k, v, mask: causal)
law past_only_mixed: prefix_invariant(mix(q, k, v, mask: causal, weight: softmax1))
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
# \`layout\`: interleaved gives each sine's cosine the place after it, halves all sines and then all cosines.
block sinusoidal_position(x[t], d, base = 10000, layout = interleaved) {
  match layout {
    interleaved { table angle[t, d](i, c) = if c % 2 == 0 then sin(i / base ^ (c / d)) else cos(i / base ^ ((c - 1) / d)) }
    halves {
      half = (d + 1) // 2
      table angle[t, d](i, c) = if c < half then sin(i / base ^ (2 * c / d)) else cos(i / base ^ (2 * (c - half) / d))
    }
  }
  return angle
}

# x plus a learned vector per position.   x[t, d] → [t, d]. The first \`offset\` rows of the table stand for no position.
block learned(x[t, d], context, offset = 0, std = 0.02, init = normal(std)) {
  param table[context + offset, d] ~ init
  place = positions(x)
  y[i, m] = x[i, m] + table[place[i] + offset, m]
  return y
}

# x plus the sinusoids of its positions.   x[t, d] → [t, d]
block sinusoidal(x[t, d], base = 10000, layout = interleaved) {
  return x + sinusoidal_position(positions(x), d, base, layout)
}

# Queries or keys turned by their position: pairs of elements by the angle i · frequency.   x[heads, t, head_dim] → the same.
# Su et al., 2021. \`layout\`: halves pairs (c, c + half), interleaved pairs (2c, 2c + 1). \`fraction\` of head_dim is turned, the
# rest stays. \`scaling\` and \`factor\` stretch a model beyond the \`original\` length that it was trained on (rotary_frequency).
block rope(x[heads, t, head_dim], base = 10000, fraction = 1, layout = halves, scaling = none, factor = 1, original = 2048) {
  width = head_dim * fraction
  half = width / 2
  strength = rotary_strength(scaling, factor)
  match layout {
    halves {
      table turn_cos[t, head_dim](i, c) = if c < width then strength * cos(i * rotary_frequency(c % half, half, base, scaling, factor, original)) else 1
      table turn_sin[t, head_dim](i, c) = if c < width then strength * sin(i * rotary_frequency(c % half, half, base, scaling, factor, original)) else 0
      turned[h, i, c] = if c < half then 0 - x[h, i, c + half] else x[h, i, c - half]
    }
    interleaved {
      table turn_cos[t, head_dim](i, c) = if c < width then strength * cos(i * rotary_frequency(c // 2, half, base, scaling, factor, original)) else 1
      table turn_sin[t, head_dim](i, c) = if c < width then strength * sin(i * rotary_frequency(c // 2, half, base, scaling, factor, original)) else 0
      turned[h, i, c] = if c % 2 == 0 then 0 - x[h, i, c + 1] else x[h, i, c - 1]
    }
  }
  y[h, i, c] = x[h, i, c] * turn_cos[i, c] + turned[h, i, c] * turn_sin[i, c]
  return y
}

# rope(layout: interleaved) by a table that checkpoints hold: row i is the sines of position i's angles, then their cosines.
block stored_rope(x[heads, t, head_dim], table[context, head_dim]) {
  half = head_dim / 2
  place = positions(x, 1)
  turned[h, i, c] = if c % 2 == 0 then 0 - x[h, i, c + 1] else x[h, i, c - 1]
  y[h, i, c] = x[h, i, c] * table[place[i], half + c // 2] + turned[h, i, c] * table[place[i], c // 2]
  return y
}

# The table of stored_rope: not learned, sinusoids where no checkpoint says otherwise.   → [context, head_dim]
block stored_sinusoids(context, head_dim, base = 10000) {
  frozen param table[context, head_dim] ~ sinusoids(base)
  return table
}

# The angle per position of pair m of \`half\`: base ^ (-m / half), where nothing is scaled.
# linear: all angles / factor (Chen et al., 2023). ntk: a larger base, so that the slowest pair is slowed by \`factor\` and the
# fastest hardly. yarn: slow pairs (less than 1 turn in \`original\` positions) / factor, fast ones (over 32 turns) as they
# are, a ramp between (Peng et al., 2023). llama3: the same with 1 and 4 turns, ramped by wavelength (Dubey et al., 2024).
block rotary_frequency(m, half, base, scaling, factor, original) {
  plain = base ^ (0 - m / half)
  turns = original * plain / 6.283185307179586
  match scaling {
    none { return plain }
    linear { return plain / factor }
    ntk { return (base * factor ^ (half / (half - 1))) ^ (0 - m / half) }
    llama3 {
      kept = min(max((turns - 1) / 3, 0), 1)
      return kept * plain + (1 - kept) * plain / factor
    }
    yarn {
      first = floor(max(yarn_pair(32, half, base, original), 0))
      last = min(0 - floor(0 - yarn_pair(1, half, base, original)), 2 * half - 1)
      slowed = min(max((m - first) / max(last - first, 0.001), 0), 1)
      return slowed * plain / factor + (1 - slowed) * plain
    }
  }
}

# The pair, between whole numbers, that turns \`turns\` times in \`original\` positions.
block yarn_pair(turns, half, base, original) {
  return half * log(original / (turns * 6.283185307179586)) / log(base)
}

# YaRN also sharpens the attention, by 0.1 ln factor + 1 on queries and on keys.
block rotary_strength(scaling, factor) {
  match scaling {
    yarn { return 0.1 * log(factor) + 1 }
    none, linear, ntk, llama3 { return 1 }
  }
}

# rope, whose pairs also decay with the distance: queries grow by zeta ^ (i / scale_base), \`keys\` shrink by the same, so that
# a product falls by zeta ^ ((i - j) / scale_base). For causal masks.   Sun et al., 2022
block xpos(x[heads, t, head_dim], base = 10000, scale_base = 512, gamma = 0.4, keys = false) {
  half = head_dim / 2
  sign = if keys then 0 - 1 else 1
  table decay[t, head_dim](i, c) = ((2 * (c // 2) / head_dim + gamma) / (1 + gamma)) ^ (sign * i / scale_base)
  turned = rope(x, base, layout: interleaved)
  y[h, i, c] = turned[h, i, c] * decay[i, c]
  return y
}

# A learned vector per distance j - i, the same beyond \`clip\`.   x[heads, t, head_dim] → [t, t, head_dim]; Shaw, Uszkoreit and Vaswani, 2018
block shaw(x[heads, t, head_dim], clip = 16, std = 0.02, init = normal(std)) {
  param table[2 * clip + 1, head_dim] ~ init
  place = positions(x, 1)
  y[i, j, c] = table[min(max(place[j] - place[i], 0 - clip), clip) + clip, c]
  return y
}

# A learned number per head and bucket of distances: half of the buckets are single distances, the others grow by equal
# factors up to \`distance\`; \`two_sided\` gives the positions behind half of them.   x[t, d] → [heads, t, t]; Raffel et al., 2020
block t5(x[t, d], heads, context, buckets = 32, distance = 128, two_sided = false, std = 0.02, init = normal(std)) {
  param table[buckets, heads] ~ init
  side = if two_sided then buckets // 2 else buckets
  single = side // 2
  span = 2 * context - 1
  # Row n is the distance i - j = n - (context - 1); 1e-5 keeps log(16 / 8) / log(16) and its like from falling short.
  table bucket[span](n) = t5_bucket(n - (context - 1), side, single, distance, two_sided)
  number[n] = integer(bucket[n])
  place = positions(x)
  y[h, i, j] = table[number[place[i] - place[j] + context - 1], h]
  return y
}

block t5_bucket(behind, side, single, distance, two_sided) {
  away = if two_sided then abs(behind) else max(behind, 0)
  far = single + floor(log(max(away, single) / single) / log(distance / single) * (side - single) + 1e-5)
  own = if away < single then away else min(far, side - 1)
  return if two_sided then own + (if behind < 0 then side else 0) else own
}

# Attention with what \`position\` does inside it; positions that are added to the embeddings do nothing here. \`score\` comes first.
# \`two_sided\` tells t5 to look both ways, \`context\` is the longest sequence.
block placed(attend, x[t, d], position, heads, context, score = none, two_sided = false) {
  match position {
    none, learned, sinusoidal { return attend(score: score) }
    rope { return attend(score: score, rotary: position) }
    stored_rope { return attend(score: score, rotary: offer(position, table: stored_sinusoids(context, attend.head_dim) as rotary)) }
    xpos { return attend(score: score, rotary: position, key_rotary: offer(position, keys: true)) }
    shaw { return attend(score: score, relative: position) }
    alibi { return attend(score: after(score, offer(position, slope: alibi_slopes(heads)))) }
    t5 {
      biased = offer(position, heads: heads, context: context, two_sided: two_sided)
      bias = biased(x) as relative_bias
      return attend(score: after(score, plus(bias)))
    }
    else { return attend(score: score, rotary: position) }
  }
}

# Relative positions do not know where a sequence stands.
law rope_is_relative: translation_invariant(attention(x, 2, rotary: rope))
law pairs_are_relative: translation_invariant(attention(x, 2, head_dim: 8, rotary: rope(layout: interleaved, fraction: 0.5)))
law xpos_is_relative: translation_invariant(attention(x, 2, mask: causal, rotary: xpos, key_rotary: xpos(keys: true)))
law shaw_is_relative: translation_invariant(attention(x, 2, relative: shaw(clip: 2)))
law t5_is_relative: translation_invariant(t5(x, 2, 64, buckets: 4, distance: 5))
# Limits: no angle, and scaling by one.
law no_angle: rope(q, fraction: 0) == q
law linear_by_one: rope(q, scaling: linear) == rope(q)
law ntk_by_one: rope(q, scaling: ntk) == rope(q)
law yarn_by_one: rope(q, scaling: yarn) == rope(q)
law no_decay: xpos(q, gamma: 1e15) == rope(q, layout: interleaved)
`,
  "random": `# Random numbers by address: the same on every device and in every run.

# A standard normal number of two uniform ones.   Box and Muller, 1958
# table omega[n, d](r, c) = gaussian(draw(1, r, c), draw(2, r, c))
block gaussian(u[*], v[*]) { return sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * v) }
`,
  "speech": `# Sounds as rows.

# Each frame of the result sees \`size\` frames around its place; \`stride\` of them go by from one to the next.
# sound[channels, frames] → [out, frames / stride]
block sound_convolution(sound[channels, frames], out, size = 3, stride = 1, std = 0.02, init = normal(std)) {
  param kernel[out, channels, size] ~ offer(init, fan_in: channels * size, fan_out: out)
  param bias[out] ~ zeros
  wide = pad(sound, size // 2, size // 2, axis: 1)
  y[n, i < frames / stride] = wide[c, i * stride + k] * kernel[n, c, k] + bias[n]
  return y
}

# Two convolutions, the second of which halves the frames.   sound[bands, frames] → [frames / 2, d]; Radford et al., 2022
block sound_embedding(sound[bands, frames], d, act = gelu, std = 0.02, init = normal(std)) {
  x = act(sound_convolution(sound, d, init: init) as conv1)
  x = act(sound_convolution(x, d, stride: 2, init: init) as conv2)
  y[i, m] = x[m, i]
  return y
}

# x plus a table that is not learned, sinusoids where no checkpoint says otherwise.   x[t, d] → [t, d]
block frozen_position(x[t, d], base = 10000) {
  frozen param table[t, d] ~ sinusoids(base)
  return x + table
}
`,
  "stack": `# Layers on top of each other: how sub-layers and norms meet the stream x.

# The sub-layer f, added to the stream where \`norm_at\` says. Only dual_residual has a second stream; it passes through the others.
# x[t, d], second[t, d] → x, second
block residual(x[t, d], second[t, d], f, norm, norm_at = pre, alpha = 1, dropout_rate = 0) {
  match norm_at {
    # The stream itself is never normalised.   Xiong et al., 2020
    pre {
      x = x + dropout(f(norm(x)), dropout_rate)
    }
    # The first Transformer.   Vaswani et al., 2017
    post {
      x = norm(x + dropout(f(x), dropout_rate))
    }
    # Before and after the sub-layer.   Ding et al., 2021
    sandwich {
      x = x + norm(dropout(f(norm(x)), dropout_rate))
    }
    # post with a stronger stream: alpha grows with the depth.   Wang et al., 2022
    deepnorm {
      x = norm(alpha * x + dropout(f(x), dropout_rate))
    }
    # post, and beside it the plain sum of what all sub-layers gave.   Xie et al., 2023
    dual_residual {
      y = dropout(f(x), dropout_rate)
      x = norm(x + y)
      second = second + y
    }
    none {
      x = x + dropout(f(x), dropout_rate)
    }
  }
  return x, second
}

# One layer: self-attention, attention to a memory where \`cross\` is one, feed-forward.   x, second → x, second
block transformer_layer(
  x[t, d],
  second[t, d],
  attend,
  feed,
  cross = none,
  norm = layer_norm,
  norm_at = pre,
  alpha = 1,
  dropout_rate = 0
) {
  if norm_at == parallel_norms {
    # All sub-layers read x, each through a norm of its own.   Black et al., 2022
    y = dropout(attend(norm(x)), dropout_rate) + dropout(feed(norm(x)), dropout_rate)
    if cross != none {
      y = y + dropout(cross(norm(x)), dropout_rate)
    }
    return x + y, second
  }
  if norm_at == parallel {
    # All sub-layers read the same norm of x.   Wang and Komatsuzaki, 2021
    n = norm(x)
    y = dropout(attend(n), dropout_rate) + dropout(feed(n), dropout_rate)
    if cross != none {
      y = y + dropout(cross(n), dropout_rate)
    }
    return x + y, second
  }
  s = residual(x, second, attend, norm, norm_at, alpha, dropout_rate) as _
  if cross != none {
    s = residual(s[0], s[1], cross, norm, norm_at, alpha, dropout_rate) as _
  }
  s = residual(s[0], s[1], feed, norm, norm_at, alpha, dropout_rate) as _
  return s[0], s[1]
}

# \`layers\` such layers, and the norm at the end that norm_at asks for. \`share\`: all layers have the same parameters.
# \`layer_masks\`: a list of masks that the layers take in turn, of the positions that are \`valid\`.   x[t, d] → [t, d]
block transformer_stack(
  x[t, d],
  layers,
  attend,
  feed,
  cross = none,
  norm = layer_norm,
  norm_at = pre,
  alpha = 1,
  dropout_rate = 0,
  share = false,
  layer_masks = none,
  valid[*] = x
) {
  second = x
  if share {
    repeat shared layers {
      s = transformer_layer(x, second, attend, feed, cross, norm, norm_at, alpha, dropout_rate) as _
      x = s[0]
      second = s[1]
    }
  } else if layer_masks != none {
    repeat layers as l {
      s = transformer_layer(
        x,
        second,
        attend(mask: padded(layer_masks[l % count(layer_masks)], valid)),
        feed,
        cross,
        norm,
        norm_at,
        alpha,
        dropout_rate
      ) as _
      x = s[0]
      second = s[1]
    }
  } else {
    repeat layers {
      s = transformer_layer(x, second, attend, feed, cross, norm, norm_at, alpha, dropout_rate) as _
      x = s[0]
      second = s[1]
    }
  }
  match norm_at {
    pre, sandwich, parallel, parallel_norms {
      return norm(x)
    }
    dual_residual {
      return x + norm(second)
    }
    post, deepnorm, none {
      return x
    }
  }
}

# Embeddings as a stack wants them: scaled, placed (learned and sinusoidal positions are added here), normalised, dropped.
# x[t, d] → [t, d]
block embedded(x[t, d], position, context, scale = 1, norm = none, dropout_rate = 0) {
  y = x * scale
  match position {
    learned {
      y = offer(position, context: context)(y) as wpe
    }
    sinusoidal {
      y = position(y)
    }
    else {
      y = y
    }
  }
  if norm != none {
    y = norm(y) as embedding_norm
  }
  return dropout(y, dropout_rate)
}

# From embeddings to what the last layer gives: \`embedded\`, attention \`placed\`, \`layers\` layers.   x[t, d] → [t, d]
# \`width\`: a linear map takes the embeddings to streams of that width (Lan et al., 2020).   x[t, d] → [t, width]
block transformer(
  x[t, d],
  layers,
  attend,
  feed,
  width = none,
  cross = none,
  position = none,
  heads = 1,
  context = 1,
  score = none,
  two_sided = false,
  norm = layer_norm,
  norm_at = pre,
  alpha = 1,
  residual_dropout = 0,
  share = false,
  layer_masks = none,
  valid[*] = x,
  embedding_scale = 1,
  embedding_norm = none,
  embedding_dropout = 0
) {
  x = embedded(x, position, context, embedding_scale, embedding_norm, embedding_dropout) as _
  if width != none {
    x = linear(x, width) as embedding_map
  }
  look = placed(attend, x, position, heads, context, score, two_sided) as _
  return transformer_stack(
    x,
    layers,
    look,
    feed,
    cross,
    norm,
    norm_at,
    alpha,
    residual_dropout,
    share,
    layer_masks,
    valid
  ) as _
}

# cap · tanh(logits / cap).   logits[*] → the same; Gemma Team, 2024
block capped(logits[*], cap) {
  if cap == none {
    return logits
  }
  return cap * tanh(logits / cap)
}
`,
  "vision": `# Pictures as rows, and vectors of whole pictures and texts beside each other.

# The picture in squares of \`size\`, each one a row, from left to right and from top to bottom: the convolution whose kernel
# and stride are the square.   image[channels, height, width] → [squares, d]; Dosovitskiy et al., 2021
block patch_embedding(image[channels, height, width], size, d, bias = true, std = 0.02, init = normal(std)) {
  param kernel[d, channels, size, size] ~ offer(init, fan_in: channels * size * size, fan_out: d)
  param b[d] ~ zeros if bias
  across = width / size
  grid[r, s, n] = image[c, r * size + a, s * size + e] * kernel[n, c, a, e] + b[n]
  y[p, n] = grid[p // across, p % across, n]
  return y
}

# A learned row before the others, whose last state stands for all of them.   x[t, d] → [t + 1, d]; Devlin et al., 2019
block class_token(x[t, d], std = 0.02, init = normal(std)) {
  param token[1, d] ~ init
  return concat(token, x)
}

# x as long as 1.   x[d] → [d]
block unit(x[d]) {
  square = sum[m](x[m] * x[m])
  y[m] = x[m] / sqrt(square)
  return y
}
`,
};
