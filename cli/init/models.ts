/**
 * The models of the starters, as they are written to `model.tfm`.
 */

export const charGpt = `# A GPT on characters.
model char_gpt : decoder {
  vocab = 64  # train --tokenizer chars sets it to the number of characters
  context = 64  # characters that it sees at once
  d_model = 64
  layers = 2
  heads = 4
  ffn = mlp(hidden: 4 * d_model, act: gelu)
  init = normal(0.1)

  train {
    optimizer = adamw(lr: 3e-3, betas: [0.9, 0.99])
    schedule = cosine(warmup: 20, steps: 600, floor: 0.1)
    batch = 8
    steps = 600
  }
}

# The same with the norm behind each sub-layer: tfmc compare shows the difference.
variant post_ln : char_gpt {
  norm_at = post
}
`;

export const llamaMini = `# The parts of LLaMA, small: Touvron et al., 2023.
model llama_mini : decoder {
  vocab = 64  # train --tokenizer chars sets it to the number of characters
  context = 64
  d_model = 64
  layers = 2
  heads = 4
  kv_heads = 2  # two queries share a key and a value
  norm = rms_norm(eps: 1e-5)
  position = rope(base: 10000)
  ffn = swiglu(hidden: 176)
  bias = false
  tied = false
  init = normal(0.1)

  train {
    optimizer = adamw(lr: 3e-3, betas: [0.9, 0.95], weight_decay: 0.1)
    schedule = cosine(warmup: 20, steps: 600, floor: 0.1)
    batch = 8
    steps = 600
  }
}
`;

export const seq2seq = `# The first Transformer, small: Vaswani et al., 2017.
model reverse : encoder_decoder {
  vocab = 16  # train --tokenizer chars sets it to the number of characters and ends
  context = 16
  d_model = 64
  layers = 2
  heads = 4
  norm_at = pre  # post in the paper, which wants a longer warm-up
  position = sinusoidal
  embedding_scale = sqrt(d_model)
  tied = all  # source, target and output share one table
  init = xavier_uniform
  embedding_init = normal(0.125)

  train {
    optimizer = adamw(lr: 2e-3)
    schedule = cosine(warmup: 50, steps: 600)
    batch = 32
    steps = 600
  }
}
`;

export const vit = `# A vision transformer: a picture is a sequence of squares. Dosovitskiy et al., 2021
model vit(height = 16, width = 16, size = 4, classes = 4, d = 64, layers = 2, heads = 4) {
  input image[height, width, 1] : real  # from 0 to 1
  input label : int(classes)

  squares = patches(image, size)
  param place[height / size * (width / size), d] ~ normal(0.1)
  x = linear(squares, d, std: 0.1) + place
  repeat layers {
    x = x + attention(layer_norm(x), heads, std: 0.1)
    x = x + mlp(layer_norm(x), hidden: 4 * d, std: 0.1)
  }
  x = layer_norm(x)
  pooled[c] = mean[i](x[i, c])
  output logits = label_logits(pooled, classes) as head
  loss label_cross_entropy(logits, label)

  train {
    optimizer = adamw(lr: 2e-3)
    schedule = cosine(warmup: 20, steps: 300, floor: 0.1)
    batch = 16
    steps = 300
  }
}
`;
