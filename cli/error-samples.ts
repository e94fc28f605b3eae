// Generated from test/samples/errors by `npm run generate`. Edit those, not this.
export interface ErrorSample {
  readonly file: string;
  readonly text: string;
  /** What tfmc says of it. */
  readonly said: string;
  /** Where the fix that is proposed does not say it. */
  readonly mended?: string;
}

export const errorSamples: Readonly<Record<string, ErrorSample>> = {
  TFM1000: {
    file: `TFM1000-output-without-value.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = relu(x)
  output y
}
`,
    said: `error TFM1000: Expected \`=\`, found the end of the statement.
  --> TFM1000-output-without-value.tfm:4:11
     |
   4 |   output y
     |           ^
     = fix: Write \`y = y\`.
`,
  },
  TFM1001: {
    file: `TFM1001-character.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = x $ 2
  output y = y
}
`,
    said: `error TFM1001: \`$\` is not part of the language.
  --> TFM1001-character.tfm:3:9
     |
   3 |   y = x $ 2
     |         ^
`,
    mended: `model m {
  input x[t, 8] : real
  y = x * 2
  output y = y
}
`,
  },
  TFM1002: {
    file: `TFM1002-parenthesis.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = mlp(layer_norm(x), hidden: 16
  output y = y
}
`,
    said: `error TFM1002: \`(\` is not closed.
  --> TFM1002-parenthesis.tfm:3:10
     |
   3 |   y = mlp(layer_norm(x), hidden: 16
     |          ^
`,
    mended: `model m {
  input x[t, 8] : real
  y = mlp(layer_norm(x), hidden: 16)
  output y = y
}
`,
  },
  TFM1003: {
    file: `TFM1003-string.tfm`,
    text: `import "blocks.tfm
model m {
  input x[t, 8] : real
  y = twice(x)
  output y = y
}
`,
    said: `error TFM1003: The string is not closed by \`"\` on its line.
  --> TFM1003-string.tfm:1:8
     |
   1 | import "blocks.tfm
     |        ^^^^^^^^^^^
`,
    mended: `import "blocks.tfm"
model m {
  input x[t, 8] : real
  y = twice(x)
  output y = y
}
`,
  },
  TFM1004: {
    file: `TFM1004-class.tfm`,
    text: `class m {
  input x[t, 8] : real
  output y = relu(x)
}
`,
    said: `error TFM1004: \`class\` starts no declaration.
  --> TFM1004-class.tfm:1:1
     |
   1 | class m {
     | ^^^^^
     = hint: A model is \`model name { … }\`, a part of one is \`block name(…) { … }\`.
`,
    mended: `model m {
  input x[t, 8] : real
  output y = relu(x)
}
`,
  },
  TFM1005: {
    file: `TFM1005-grouped.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = mlp(x, hidden: 1_024)
  output y = y
}
`,
    said: `error TFM1005: \`1_024\` is not a number.
  --> TFM1005-grouped.tfm:3:22
     |
   3 |   y = mlp(x, hidden: 1_024)
     |                      ^^^^^
     = fix: Write \`1024\`: digits are not grouped.
`,
  },
  TFM1006: {
    file: `TFM1006-power.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = x ** 2
  output y = y
}
`,
    said: `error TFM1006: \`**\` is not an operator here.
  --> TFM1006-power.tfm:3:9
     |
   3 |   y = x ** 2
     |         ^^
     = fix: Write \`^\`.
`,
  },
  TFM1007: {
    file: `TFM1007-chain.tfm`,
    text: `model m(n = 4) {
  input x[t, 8] : real
  y = x
  if 1 < n < 9 { y = relu(x) }
  output y = y
}
`,
    said: `error TFM1007: Comparisons do not chain: \`<\` and \`<\` stand side by side.
  --> TFM1007-chain.tfm:4:12
     |
   4 |   if 1 < n < 9 { y = relu(x) }
     |            ^
     = hint: Join two comparisons with \`and\`: \`a < b and b < c\`.
`,
    mended: `model m(n = 4) {
  input x[t, 8] : real
  y = x
  if 1 < n and n < 9 { y = relu(x) }
  output y = y
}
`,
  },
  TFM1008: {
    file: `TFM1008-element-type.tfm`,
    text: `model m {
  input x[t, 8] : float
  output y = relu(x)
}
`,
    said: `error TFM1008: \`float\` is no element type.
  --> TFM1008-element-type.tfm:2:19
     |
   2 |   input x[t, 8] : float
     |                   ^^^^^
     = hint: An input is \`int(bound)\`, \`real\` or \`bool\`.
`,
    mended: `model m {
  input x[t, 8] : real
  output y = relu(x)
}
`,
  },
  TFM1010: {
    file: `TFM1010-scan.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = x
  scan i over t { y = relu(y) }
  output y = y
}
`,
    said: `error TFM1010: \`scan\` is not in this version of the language.
  --> TFM1010-scan.tfm:4:3
     |
   4 |   scan i over t { y = relu(y) }
     |   ^^^^
`,
    mended: `model m {
  input x[t, 8] : real
  y = relu(x)
  output y = y
}
`,
  },
  TFM1100: {
    file: `TFM1100-comma.json`,
    text: `{
  "model": "decoder"
  "name": "m"
}
`,
    said: `error TFM1100: Expected \`,\` or \`}\`, found a string.
  --> TFM1100-comma.json:3:3
     |
   3 |   "name": "m"
     |   ^^^^^^
     = fix: Put a comma between.
`,
    mended: `{
  "model": "decoder",
  "name": "m"
}
`,
  },
  TFM1101: {
    file: `TFM1101-comment.json`,
    text: `{
  "model": "decoder",
  "name": "m",
  "layers": 2 // deep
}
`,
    said: `error TFM1101: JSON has no comments.
  --> TFM1101-comment.json:4:15
     |
   4 |   "layers": 2 // deep
     |               ^^^^^^^
     = fix: Remove the comment.
     = hint: A model, block, mask or score may have a \`"doc"\`.
`,
    mended: `{
  "model": "decoder",
  "name": "m",
  "layers": 2
}
`,
  },
  TFM1102: {
    file: `TFM1102-twice.json`,
    text: `{
  "model": "decoder",
  "name": "m",
  "layers": 2,
  "layers": 3
}
`,
    said: `error TFM1102: The key \`layers\` stands twice in one object.
  --> TFM1102-twice.json:5:4
     |
   5 |   "layers": 3
     |    ^^^^^^
     = note: It stands here first.
  --> TFM1102-twice.json:4:4
     |
   4 |   "layers": 2,
     |    ------
`,
    mended: `{
  "model": "decoder",
  "name": "m",
  "layers": 2
}
`,
  },
  TFM1103: {
    file: `TFM1103-prototype.json`,
    text: `{
  "model": "decoder",
  "name": "m",
  "__proto__": 2
}
`,
    said: `error TFM1103: \`__proto__\` is not allowed as a key.
  --> TFM1103-prototype.json:4:4
     |
   4 |   "__proto__": 2
     |    ^^^^^^^^^
`,
    mended: `{
  "model": "decoder",
  "name": "m",
  "layers": 2
}
`,
  },
  TFM1104: {
    file: `TFM1104-misspelt.json`,
    text: `{
  "model": "decoder",
  "name": "m",
  "layesr": 2
}
`,
    said: `error TFM1104: \`layesr\` is no key here.
  --> TFM1104-misspelt.json:4:4
     |
   4 |   "layesr": 2
     |    ^^^^^^
     = fix: Write \`layers\`.
     = hint: Did you mean \`layers\`?
`,
    mended: `{
  "model": "decoder",
  "name": "m",
  "layers": 2
}
`,
  },
  TFM1105: {
    file: `TFM1105-infinity.json`,
    text: `{
  "model": "decoder",
  "name": "m",
  "layers": Infinity
}
`,
    said: `error TFM1105: \`Infinity\` is not a number of JSON.
  --> TFM1105-infinity.json:4:13
     |
   4 |   "layers": Infinity
     |             ^^^^^^^^
     = hint: Numbers are finite.
`,
    mended: `{
  "model": "decoder",
  "name": "m",
  "layers": 2
}
`,
  },
  TFM1106: {
    file: `TFM1106-direction.json`,
    text: `{
  "model": "decoder",
  "name": "m",
  "norm": "rms‮"
}
`,
    said: `error TFM1106: The character U+202E stands in no string.
  --> TFM1106-direction.json:4:15
     |
   4 |   "norm": "rms·"
     |               ^
`,
    mended: `{
  "model": "decoder",
  "name": "m",
  "layers": 2
}
`,
  },
  TFM1107: {
    file: `TFM1107-kind.json`,
    text: `{
  "model": "decoder",
  "name": "m",
  "train": "adamw"
}
`,
    said: `error TFM1107: Expected an object or a list, found a string.
  --> TFM1107-kind.json:4:13
     |
   4 |   "train": "adamw"
     |             ^^^^^
`,
    mended: `{
  "model": "decoder",
  "name": "m",
  "train": { "optimizer": "adamw" }
}
`,
  },
  TFM1108: {
    file: `TFM1108-name.json`,
    text: `{
  "model": "decoder",
  "layers": 2
}
`,
    said: `error TFM1108: The key \`"name"\` is missing.
  --> TFM1108-name.json:1:1
     |
   1 | {
     | ^
     = hint: The name of the model, for example \`"name": "gpt2"\`.
`,
    mended: `{
  "model": "decoder",
  "name": "m",
  "layers": 2
}
`,
  },
  TFM1109: {
    file: `TFM1109-name.json`,
    text: `{
  "model": "decoder",
  "name": "my-model"
}
`,
    said: `error TFM1109: This is not a name.
  --> TFM1109-name.json:3:12
     |
   3 |   "name": "my-model"
     |            ^^^^^^^^
`,
    mended: `{
  "model": "decoder",
  "name": "my_model"
}
`,
  },
  TFM1110: {
    file: `TFM1110-comment.sh`,
    text: `cat > m.tfm <<'END'
# Two layers are enough.
model m : decoder {
  layers = 2 # or three
}
END
tfmc fmt --to json m.tfm
`,
    said: `warning TFM1110: This comment does not travel to JSON.
  --> m.tfm:3:14
     |
   3 |   layers = 2 # or three
     |              ^^^^^^^^^^
{
  "model": "decoder",
  "name": "m",
  "doc": "Two layers are enough.",
  "layers": 2
}
`,
  },
  TFM2001: {
    file: `TFM2001-mean-without-index.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = x - mean(x)
  output y = y
}
`,
    said: `error TFM2001: \`mean\` is a reduction and needs the index it runs over.
  --> TFM2001-mean-without-index.tfm:3:11
     |
   3 |   y = x - mean(x)
     |           ^^^^
     = hint: As in \`y[i] = mean[j](x[i, j])\`.
`,
    mended: `model m {
  input x[t, 8] : real
  a[i] = mean[c](x[i, c])
  y[i, c] = x[i, c] - a[i]
  output y = y
}
`,
  },
  TFM2002: {
    file: `TFM2002-too-many.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = relu(x, 2)
  output y = y
}
`,
    said: `error TFM2002: \`relu\` has 1 parameter, and here is one argument more.
  --> TFM2002-too-many.tfm:3:15
     |
   3 |   y = relu(x, 2)
     |               ^
     = hint: They are x.
`,
    mended: `model m {
  input x[t, 8] : real
  y = relu(x)
  output y = y
}
`,
  },
  TFM2003: {
    file: `TFM2003-argument.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = attention(x)
  output y = y
}
`,
    said: `error TFM2003: \`attention\` needs \`heads\`.
  --> TFM2003-argument.tfm:3:7
     |
   3 |   y = attention(x)
     |       ^^^^^^^^^^^^
     = note: \`heads\` is declared here without a default
  --> tfmc/library/attention.tfm:10:26
     |
  10 | block attention(x[t, d], heads, kv_heads = heads, head_dim = d / heads, mask = full, score = none, memory[s, e] = x, b…
     |                          -----
     = hint: Give it: \`attention(…, heads: …)\`.
`,
    mended: `model m {
  input x[t, 8] : real
  y = attention(x, heads: 2)
  output y = y
}
`,
  },
  TFM2004: {
    file: `TFM2004-rename-twice.tfm`,
    text: `model m : decoder {
  input tokens as input_ids
  input tokens as ids
}
`,
    said: `error TFM2004: \`tokens\` is set twice.
  --> TFM2004-rename-twice.tfm:3:3
     |
   3 |   input tokens as ids
     |   ^^^^^^^^^^^^^^^^^^^
     = note: the first is here
  --> TFM2004-rename-twice.tfm:2:3
     |
   2 |   input tokens as input_ids
     |   -------------------------
`,
    mended: `model m : decoder {
  input tokens as input_ids
}
`,
  },
  TFM2005: {
    file: `TFM2005-number.tfm`,
    text: `model m {
  input x[t, 8] : real
  h = 4
  y = h(x)
  output y = y
}
`,
    said: `error TFM2005: This is a number and cannot be called.
  --> TFM2005-number.tfm:4:7
     |
   4 |   y = h(x)
     |       ^
`,
    mended: `model m {
  input x[t, 8] : real
  h = 4
  y = h * x
  output y = y
}
`,
  },
  TFM2006: {
    file: `TFM2006-method.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = x.relu()
  output y = y
}
`,
    said: `error TFM2006: Only an instance has members, and this is a tensor.
  --> TFM2006-method.tfm:3:7
     |
   3 |   y = x.relu()
     |       ^^^^^^
     = hint: Functions stand before what they work on: \`relu(…)\`.
`,
    mended: `model m {
  input x[t, 8] : real
  y = relu(x)
  output y = y
}
`,
  },
  TFM2007: {
    file: `TFM2007-no-output.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = layer_norm(x)
}
`,
    said: `error TFM2007: \`m\` has no output and no loss: nothing of it has an effect.
  --> TFM2007-no-output.tfm:1:7
     |
   1 | model m {
     |       ^
     = hint: Write \`output name = …\`.
`,
    mended: `model m {
  input x[t, 8] : real
  output y = layer_norm(x)
}
`,
  },
  TFM2008: {
    file: `TFM2008-no-range.tfm`,
    text: `model m {
  input x[t, 8] : real
  y[i, c] = sum[j](x[i, c])
  output y = y
}
`,
    said: `error TFM2008: Nothing says what \`j\` runs over.
  --> TFM2008-no-range.tfm:3:17
     |
   3 |   y[i, c] = sum[j](x[i, c])
     |                 ^
     = hint: An index takes its range from the axes that it subscripts alone, or from the left side: \`y[i < n] = …\`.
`,
    mended: `model m {
  input x[t, 8] : real
  y[i, c] = sum[j](x[i, c] * x[j, c])
  output y = y
}
`,
  },
  TFM2009: {
    file: `TFM2009-where.tfm`,
    text: `model m {
  input x[t, 8] : real
  y[i, c] = x[i, c] where i > 0
  output y = y
}
`,
    said: `error TFM2009: \`where\` stands only directly inside a reduction.
  --> TFM2009-where.tfm:3:13
     |
   3 |   y[i, c] = x[i, c] where i > 0
     |             ^^^^^^^^^^^^^^^^^^^
     = hint: Elsewhere write \`if … then … else …\`.
`,
    mended: `model m {
  input x[t, 8] : real
  y[i, c] = if i > 0 then x[i, c] else 0
  output y = y
}
`,
  },
  TFM2010: {
    file: `TFM2010-learning-rate.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = linear(x, out: 8)
  loss sum[i, c](y[i, c])
  train { lr = 3e-4 }
  output y = y
}
`,
    said: `error TFM2010: \`train\` has no setting \`lr\`.
  --> TFM2010-learning-rate.tfm:5:11
     |
   5 |   train { lr = 3e-4 }
     |           ^^
     = hint: It is an argument of the optimizer: \`optimizer = adamw(lr: 3e-4, weight_decay: 0.1)\`.
`,
    mended: `model m {
  input x[t, 8] : real
  y = linear(x, out: 8)
  loss sum[i, c](y[i, c])
  train { optimizer = adamw(lr: 3e-4) }
  output y = y
}
`,
  },
  TFM2011: {
    file: `TFM2011-import.tfm`,
    text: `import "blokcs.tfm"
model m {
  input x[t, 8] : real
  y = relu(x)
  output y = y
}
`,
    said: `error TFM2011: \`blokcs.tfm\` is not there, or is no model.
  --> TFM2011-import.tfm:1:1
     |
   1 | import "blokcs.tfm"
     | ^^^^^^^^^^^^^^^^^^^
     = hint: The path is relative to the importing file; \`tfmc check\` of that file says more.
`,
    mended: `model m {
  input x[t, 8] : real
  y = relu(x)
  output y = y
}
`,
  },
  TFM2012: {
    file: `TFM2012-recursion.tfm`,
    text: `block f(z[t, d]) {
  return f(relu(z))
}
model m {
  input x[t, 8] : real
  y = f(x)
  output y = y
}
`,
    said: `error TFM2012: \`f\` calls itself.
  --> TFM2012-recursion.tfm:2:10
     |
   2 |   return f(relu(z))
     |          ^^^^^^^^^^
     = note: it is declared here
  --> TFM2012-recursion.tfm:1:7
     |
   1 | block f(z[t, d]) {
     |       -
     = hint: Use \`repeat\`.
`,
    mended: `block f(z[t, d]) {
  repeat 2 { z = relu(z) }
  return z
}
model m {
  input x[t, 8] : real
  y = f(x)
  output y = y
}
`,
  },
  TFM2013: {
    file: `TFM2013-no-model.tfm`,
    text: `block f(z[t, d]) {
  return relu(z)
}
`,
    said: `error TFM2013: The file has no model.
  --> TFM2013-no-model.tfm
     = hint: Write \`model name { … }\`.
`,
    mended: `block f(z[t, d]) {
  return relu(z)
}
model m {
  input x[t, 8] : real
  y = f(x)
  output y = y
}
`,
  },
  TFM2014: {
    file: `TFM2014-base.tfm`,
    text: `model m : decodre { layers = 2 }
`,
    said: `error TFM2014: There is no model \`decodre\`.
  --> TFM2014-base.tfm:1:11
     |
   1 | model m : decodre { layers = 2 }
     |           ^^^^^^^
     = fix: write \`decoder\`
     = hint: Did you mean \`decoder\`?
`,
  },
  TFM2015: {
    file: `TFM2015-circle.tfm`,
    text: `model m : decoder {
  d_model = 4 * heads
  heads = d_model // 4
}
`,
    said: `error TFM2015: The settings go in a circle: d_model → heads → d_model.
  --> TFM2015-circle.tfm:2:3
     |
   2 |   d_model = 4 * heads
     |   ^^^^^^^^^^^^^^^^^^^
     = hint: Give one of them a value that needs none of the others.
`,
    mended: `model m : decoder {
  d_model = 4 * heads
  heads = 8
}
`,
  },
  TFM2016: {
    file: `TFM2016-statement.tfm`,
    text: `model m : decoder {
  layers = 2
  repeat 2 { x = mlp(x, hidden: 16) }
}
`,
    said: `error TFM2016: This sets no parameter of \`decoder\`.
  --> TFM2016-statement.tfm:3:3
     |
   3 |   repeat 2 { x = mlp(x, hidden: 16) }
     |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     = hint: A model based on another has settings, \`input … as …\`, \`train\` and \`law\`; blocks stand in \`model name(…) { … }\`, a model without a base.
`,
    mended: `model m : decoder {
  layers = 2
  ffn = mlp(hidden: 16)
}
`,
  },
  TFM3001: {
    file: `TFM3001-heads.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = attention(x, 5)
  output y = y
}
`,
    said: `error TFM3001: In this call of \`attention\`: \`d\` = 8 is not divisible by \`heads\` = 5.
  --> TFM3001-heads.tfm:3:7
     |
   3 |   y = attention(x, 5)
     |       ^^^^^^^^^^^^^^^
     = note: \`d\` is 8, set here
  --> TFM3001-heads.tfm:2:14
     |
   2 |   input x[t, 8] : real
     |              -
     = note: \`heads\` is 5, set here
  --> TFM3001-heads.tfm:3:20
     |
   3 |   y = attention(x, 5)
     |                    -
     = note: the library's own line
  --> tfmc/library/attention.tfm:10:62
     |
  10 | …ock attention(x[t, d], heads, kv_heads = heads, head_dim = d / heads, mask = full, score = none, memory[s, e] = x, bia…
     |                                                             ---------
     = hint: 8 is divisible by 4 and by 8; \`//\` is floor division.
`,
    mended: `model m {
  input x[t, 8] : real
  y = attention(x, 4)
  output y = y
}
`,
  },
  TFM3002: {
    file: `TFM3002-batch-axis.tfm`,
    text: `model m {
  input x[batch, t, 8] : real
  output y = layer_norm(x)
}
`,
    said: `error TFM3002: \`x\` is [t, d], and this tensor is [batch, t, 8].
  --> TFM3002-batch-axis.tfm:3:25
     |
   3 |   output y = layer_norm(x)
     |                         ^
     = note: \`x\` is declared here
  --> tfmc/library/layers.tfm:44:18
     |
  44 | block layer_norm(x[t, d], eps = 1e-5, affine = true, shift = true) {
     |                  -------
`,
    mended: `model m {
  input x[t, 8] : real
  output y = layer_norm(x)
}
`,
  },
  TFM3003: {
    file: `TFM3003-indices.tfm`,
    text: `model m {
  input x[t, 8] : real
  y[i] = x[i] * 2
  output y = y
}
`,
    said: `error TFM3003: The tensor has 2 axes, [t, 8], and is subscripted with 1.
  --> TFM3003-indices.tfm:3:10
     |
   3 |   y[i] = x[i] * 2
     |          ^^^^
     = hint: One index per axis; the batch axis is implicit.
`,
    mended: `model m {
  input x[t, 8] : real
  y[i, c] = x[i, c] * 2
  output y = y
}
`,
  },
  TFM3004: {
    file: `TFM3004-shift.tfm`,
    text: `model m {
  input x[t, 8] : real
  y[i, c] = x[i + 1, c]
  output y = y
}
`,
    said: `error TFM3004: The subscript reaches the length t; the axis is the length t and counts from 0.
  --> TFM3004-shift.tfm:3:15
     |
   3 |   y[i, c] = x[i + 1, c]
     |               ^^^^^
     = note: of this tensor
  --> TFM3004-shift.tfm:3:13
     |
   3 |   y[i, c] = x[i + 1, c]
     |             -----------
     = note: \`t\` was set here
  --> TFM3004-shift.tfm:2:11
     |
   2 |   input x[t, 8] : real
     |           -
     = hint: Guard it: \`if i > 0 then x[i - 1] else 0\`; under a condition on the index, what is out of range reads as 0. Or say how far the index goes: \`y[i < t - 1] = x[i + 1]\`.
`,
    mended: `model m {
  input x[t, 8] : real
  y[i, c] = if i > 0 then x[i - 1, c] else 0
  output y = y
}
`,
  },
  TFM3005: {
    file: `TFM3005-negative.tfm`,
    text: `model m(n = -16) {
  input x[t, 8] : real
  y = mlp(x, hidden: n)
  output y = y
}
`,
    said: `error TFM3005: In this call of \`mlp\`: a size must be positive, and this is -16.
  --> TFM3005-negative.tfm:3:7
     |
   3 |   y = mlp(x, hidden: n)
     |       ^^^^^^^^^^^^^^^^^
     = note: set here
  --> TFM3005-negative.tfm:1:9
     |
   1 | model m(n = -16) {
     |         -------
     = note: the library's own line
  --> tfmc/library/layers.tfm:70:15
     |
  70 |   param w1[d, hidden] ~ init
     |               ------
`,
    mended: `model m(n = 16) {
  input x[t, 8] : real
  y = mlp(x, hidden: n)
  output y = y
}
`,
  },
  TFM4001: {
    file: `TFM4001-layers.tfm`,
    text: `model m(layers = 1000000000) {
  input x[t, 8] : real
  y = x
  repeat layers { y = linear(y, out: 8) }
  output y = y
}
`,
    said: `error TFM4001: A \`repeat\` may have 4096 turns, and here are 1000000000.
  --> TFM4001-layers.tfm:4:10
     |
   4 |   repeat layers { y = linear(y, out: 8) }
     |          ^^^^^^
`,
    mended: `model m(layers = 10) {
  input x[t, 8] : real
  y = x
  repeat layers { y = linear(y, out: 8) }
  output y = y
}
`,
  },
  TFM4002: {
    file: `TFM4002-nesting.tfm`,
    text: `model m {
  input x[t, 8] : real
  y = ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((x))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))
  output y = y
}
`,
    said: `error TFM4002: Brackets stand more than 200 deep here.
  --> TFM4002-nesting.tfm:3:206
     |
   3 | …((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((x)))))))))))))))))))))))))))))))))))))))))))))))…
     |                                                             ^
     = hint: Give parts of it names.
`,
    mended: `model m {
  input x[t, 8] : real
  y = x
  output y = y
}
`,
  },
  TFM4003: {
    file: `TFM4003-large.sh`,
    text: `yes '# a long comment about nothing in particular' | head -n 30000 > m.tfm
tfmc check m.tfm
`,
    said: `error TFM4003: The source has 1350000 characters; 1048576 are the limit.
  --> m.tfm:1:1
     |
   1 | # a long comment about nothing in particular
     | ^
     = hint: Split the file and \`import\` its parts.
`,
  },
  TFM4004: {
    file: `TFM4004-binary.sh`,
    text: `printf 'model m {\\001\\002}' > m.tfm
tfmc check m.tfm
`,
    said: `error TFM4004: This is not a text file.
  --> m.tfm:1:10
     |
   1 | model m {··}
     |          ^
     = hint: Sources are UTF-8 text.
`,
  },
  TFM5001: {
    file: `TFM5001-misspelt.sh`,
    text: `cat > m.tfm <<'END'
model m {
  input x[t, 8] : real
  output y = relu(x)
}
END
tfmc check n.tfm
`,
    said: `error TFM5001: \`n.tfm\` does not exist
  = hint: did you mean \`m.tfm\`?
`,
  },
  TFM5003: {
    file: `TFM5003-inputs.sh`,
    text: `cat > m.tfm <<'END'
model m(vocab = 64, d = 8) {
  input tokens[t <= 8] : int(vocab)

  use wte = embedding(vocab, d)
  x = wte(tokens)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
END
printf 'to be or not to be that is the question %.0s' 1 2 3 4 5 6 7 8 9 > text.txt
tfmc train m.tfm --data text.txt --tokenizer chars --steps 1 --batch 2 -o run --device cpu
printf '\\010\\0\\0\\0\\0\\0\\0\\0{}      ' > i.safetensors
tfmc run m.tfm --set vocab=13 --weights run/model.safetensors --inputs i.safetensors --outputs o.safetensors --device cpu
`,
    said: `error TFM5003: \`i.safetensors\` lacks the input \`tokens\` of the model
  = hint: it holds no input of it
`,
  },
  TFM5005: {
    file: `TFM5005-short.sh`,
    text: `cat > m.tfm <<'END'
model m(vocab = 64, d = 8) {
  input tokens[t <= 8] : int(vocab)

  use wte = embedding(vocab, d)
  x = wte(tokens)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
END
printf 'too short' > text.txt
tfmc train m.tfm --data text.txt --tokenizer bytes --set vocab=256 --length 8 --val 0.5
`,
    said: `error TFM5005: the training text has 5 tokens; one window takes 9
  = hint: use a longer text or a smaller --length
`,
  },
  TFM5007: {
    file: `TFM5007-bytes.sh`,
    text: `printf 'model m \\377' > m.tfm
tfmc check m.tfm
`,
    said: `error TFM5007: \`m.tfm\` is not UTF-8 text: byte 8 is invalid
`,
  },
  TFM5011: {
    file: `TFM5011-folder.sh`,
    text: `mkdir models
tfmc check models
`,
    said: `error TFM5011: \`models\` is a folder, not a file
`,
  },
  TFM5012: {
    file: `TFM5012-links.sh`,
    text: `ln -s a.tfm b.tfm
ln -s b.tfm a.tfm
tfmc check a.tfm
`,
    said: `error TFM5012: \`a.tfm\` cannot be read: too many symbolic links encountered
`,
  },
  TFM5013: {
    file: `TFM5013-large.sh`,
    text: `head -c 5000000 /dev/zero > m.tfm
tfmc check m.tfm
`,
    said: `error TFM5013: \`m.tfm\` has 5000000 bytes; the limit is 4194304
`,
  },
  TFM5014: {
    file: `TFM5014-not-a-folder.sh`,
    text: `cat > m.tfm <<'END'
model m {
  input x[t, 8] : real
  output y = relu(x)
}
END
touch dist
tfmc compile m.tfm
`,
    said: `error TFM5014: \`dist\` cannot be written: file already exists
`,
  },
  TFM5015: {
    file: `TFM5015-no-loss.sh`,
    text: `cat > m.tfm <<'END'
model m {
  input x[t, 8] : real
  output y = relu(x)
}
END
tfmc graph m.tfm --entry train
`,
    said: `error TFM5015: the model has no \`train\` graph: it states no loss
`,
  },
  TFM5017: {
    file: `TFM5017-set.sh`,
    text: `cat > m.tfm <<'END'
model m {
  input x[t, 8] : real
  output y = relu(x)
}
END
tfmc check m.tfm --set layers
`,
    said: `error TFM5017: \`--set layers\` is not \`name=value\`
`,
  },
  TFM5018: {
    file: `TFM5018-spaces.sh`,
    text: `printf 'model m { input x[t, 8] : real; output y = relu( x ) }\\n' > m.tfm
tfmc fmt --check --format github m.tfm
`,
    said: `::error file=m.tfm,title=TFM5018::m.tfm is not in canonical form
`,
  },
  TFM5020: {
    file: `TFM5020-no-run.sh`,
    text: `mkdir run
tfmc generate run -p "to be"
`,
    said: `error TFM5020: \`run\` is not a whole run folder: \`model.tfm\` is missing
`,
  },
  TFM5021: {
    file: `TFM5021-twice.sh`,
    text: `cat > m.tfm <<'END'
model m(vocab = 64, d = 8) {
  input tokens[t <= 8] : int(vocab)

  use wte = embedding(vocab, d)
  x = wte(tokens)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
END
printf 'to be or not to be that is the question %.0s' 1 2 3 4 5 6 7 8 9 > text.txt
tfmc train m.tfm --data text.txt --tokenizer chars --steps 1 --batch 2 -o run --device cpu
tfmc train m.tfm --data text.txt --tokenizer chars --steps 1 --batch 2 -o run --device cpu
`,
    said: `note: the tokenizer \`chars\` has 13 tokens, so \`vocab\` is 13 instead of 64
error TFM5021: \`run\` already holds a run
  = hint: continue it with \`--resume run\`, or choose another \`-o\`
`,
  },
  TFM5022: {
    file: `TFM5022-vocabulary.sh`,
    text: `cat > m.tfm <<'END'
model m(d = 8) {
  input tokens[t <= 8] : int(16)

  use wte = embedding(16, d)
  x = wte(tokens)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
END
printf 'to be or not to be that is the question %.0s' 1 2 3 4 5 6 7 8 9 > text.txt
tfmc train m.tfm --data text.txt --tokenizer bytes
`,
    said: `error TFM5022: the tokenizer \`bytes\` has 256 tokens, but the model takes ids below 16
  = hint: set the size of its vocabulary to 256, for example \`--set vocab=256\`
`,
  },
  TFM5030: {
    file: `TFM5030-no-width.sh`,
    text: `cat > m.tfm <<'END'
model m(vocab = 64, d = 8) {
  input tokens[t <= 8] : int(vocab)

  use wte = embedding(vocab, d)
  x = wte(tokens)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
END
sed 's/d = 8/d = 16/' m.tfm > n.tfm
printf 'to be or not to be that is the question %.0s' 1 2 3 4 5 6 7 8 9 > text.txt
tfmc compare m.tfm n.tfm --data text.txt --tokenizer chars --match params --steps 1 --device cpu
`,
    said: `note: the tokenizer \`chars\` has 13 tokens, so \`vocab\` is 13 instead of 64
note: the tokenizer \`chars\` has 13 tokens, so \`vocab\` is 13 instead of 64
error TFM5030: --match: \`n.m\` has 240 parameters, \`m.m\` 120 parameters; it has no argument \`hidden\` and no knob \`ffn\` that could be adjusted
  = hint: set an argument of the model that makes them equal, or leave --match away
`,
  },
  TFM5040: {
    file: `TFM5040-pickle.sh`,
    text: `mkdir tiny
printf '{"model_type": "gpt2"}' > tiny/config.json
printf 'pickled' > tiny/pytorch_model.bin
tfmc import tiny -o imported
`,
    said: `error TFM5040: \`tiny\` has no \`model.safetensors\`, only \`pytorch_model.bin\`, a pickled program that is not run here
  = hint: in Python: AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder), with the class that the model is of; or take the repository's revision that has safetensors
`,
  },
  TFM5041: {
    file: `TFM5041-field.sh`,
    text: `mkdir tiny
printf '{"model_type": "gpt2", "n_layers": 1}' > tiny/config.json
printf '\\100\\0\\0\\0\\0\\0\\0\\0%s\\0\\0\\0\\0' '{"wte.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} ' > tiny/model.safetensors
tfmc import tiny -o imported
`,
    said: `error TFM5041: \`tiny/config.json\`: the field \`n_layers\`, here 1, is not understood
  = hint: did you mean \`n_layer\`?
`,
  },
  TFM5042: {
    file: `TFM5042-names.sh`,
    text: `mkdir tiny
printf '{"model_type": "opt", "num_hidden_layers": 1, "enable_bias": false}' > tiny/config.json
printf '\\100\\0\\0\\0\\0\\0\\0\\0%s\\0\\0\\0\\0' '{"wte.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} ' > tiny/model.safetensors
tfmc import tiny -o imported
`,
    said: `error TFM5042: \`tiny\` does not fit its \`config.json\`: the model wants \`decoder.embed_tokens.weight\`, \`decoder.embed_positions.weight\`, \`decoder.layers.0.self_attn_layer_norm.weight\`, \`decoder.layers.0.self_attn_layer_norm.bias\`, \`decoder.layers.0.self_attn.q_proj.weight\`, \`decoder.layers.0.self_attn.k_proj.weight\`, \`decoder.layers.0.self_attn.v_proj.weight\`, \`decoder.layers.0.self_attn.out_proj.weight\` and 6 more, which is not there; there is \`wte.weight\` [1], which nothing of the model takes
  = hint: every tensor has a place in the model, and every parameter of the model is there
`,
  },
  TFM5060: {
    file: `TFM5060-command.sh`,
    text: `tfmc chekc m.tfm
`,
    said: `error TFM5060: there is no command \`chekc\`
  = hint: the nearest is \`tfmc check\`
`,
  },
  TFM6004: {
    file: `TFM6004-id.sh`,
    text: `cat > m.tfm <<'END'
model m(vocab = 64, d = 8) {
  input tokens[t <= 8] : int(vocab)

  use wte = embedding(vocab, d)
  x = wte(tokens)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
END
printf 'to be or not to be that is the question %.0s' 1 2 3 4 5 6 7 8 9 > text.txt
tfmc train m.tfm --data text.txt --tokenizer chars --steps 1 --batch 2 -o run --device cpu
printf '@\\0\\0\\0\\0\\0\\0\\0{"tokens":{"dtype":"I32","shape":[1,2],"data_offsets":[0,8]}}   \\001\\0\\0\\0\\143\\0\\0\\0' > i.safetensors
tfmc run m.tfm --set vocab=13 --weights run/model.safetensors --inputs i.safetensors --outputs o.safetensors --device cpu
`,
    said: `error TFM6004: Input \`tokens\` holds 99 at [0, 1].
  = hint: Values lie in [0, 13).
`,
  },
  TFM6008: {
    file: `TFM6008-diverged.sh`,
    text: `cat > m.tfm <<'END'
model m(vocab = 64, d = 8) {
  input tokens[t <= 8] : int(vocab)

  use wte = embedding(vocab, d)
  x = wte(tokens)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
END
printf 'to be or not to be that is the question %.0s' 1 2 3 4 5 6 7 8 9 > text.txt
tfmc train m.tfm --data text.txt --tokenizer chars --steps 20 --batch 2 --lr 1e30 -o run --device cpu -q
`,
    said: `error TFM6008: Training diverged at step 2: loss NaN, gradient norm NaN, learning rate 1e+30. The first bad tensor is \`wte.table\` (element 0 of [13, 8] is NaN).
  = hint: Lower the learning rate, warm up longer, or clip the gradient; resume from the last checkpoint.
`,
  },
  TFM6101: {
    file: `TFM6101-cut.sh`,
    text: `cat > m.tfm <<'END'
model m(vocab = 64, d = 8) {
  input tokens[t <= 8] : int(vocab)

  use wte = embedding(vocab, d)
  x = wte(tokens)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
END
printf 'cut off' > w.safetensors
tfmc run m.tfm --weights w.safetensors --inputs w.safetensors --outputs o.safetensors --device cpu
`,
    said: `error TFM6101: \`w.safetensors\`: The file has 7 bytes; the header's length alone takes 8.
`,
  },
  TFM6102: {
    file: `TFM6102-other-model.sh`,
    text: `cat > m.tfm <<'END'
model m(vocab = 64, d = 8) {
  input tokens[t <= 8] : int(vocab)

  use wte = embedding(vocab, d)
  x = wte(tokens)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
END
printf 'to be or not to be that is the question %.0s' 1 2 3 4 5 6 7 8 9 > text.txt
tfmc train m.tfm --data text.txt --tokenizer chars --steps 1 --batch 2 -o run --device cpu
sed -i 's/d = 8/d = 16/' run/model.tfm
tfmc generate run -p to -n 4 --device cpu
`,
    said: `error TFM6102: \`wte.table\` is [13, 8]; the model has [13, 16]. \`layer_norm.gain\` is [8]; the model has [16]. \`layer_norm.bias\` is [8]; the model has [16].
`,
  },
  TFM6201: {
    file: `TFM6201-character.sh`,
    text: `cat > m.tfm <<'END'
model m(vocab = 64, d = 8) {
  input tokens[t <= 8] : int(vocab)

  use wte = embedding(vocab, d)
  x = wte(tokens)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
END
printf 'to be or not to be that is the question %.0s' 1 2 3 4 5 6 7 8 9 > text.txt
tfmc train m.tfm --data text.txt --tokenizer chars --steps 1 --batch 2 -o run --device cpu
tfmc generate run -p "TO BE" -n 4 --device cpu
`,
    said: `error TFM6201: The tokenizer has no character "T" (position 0).
  = hint: Train on a text that has it, or use the bytes tokenizer.
`,
  },
  TFM6202: {
    file: `TFM6202-tokenizer.sh`,
    text: `cat > m.tfm <<'END'
model m(vocab = 64, d = 8) {
  input tokens[t <= 8] : int(vocab)

  use wte = embedding(vocab, d)
  x = wte(tokens)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
END
printf 'to be or not to be that is the question %.0s' 1 2 3 4 5 6 7 8 9 > text.txt
echo '{}' > tokenizer.json
tfmc train m.tfm --data text.txt --tokenizer tokenizer.json --device cpu
`,
    said: `error TFM6202: \`tokenizer.json\`: \`type\` is missing.
  = hint: Known: bytes, characters.
`,
  },
  TFM6302: {
    file: `TFM6302-other-model.sh`,
    text: `cat > m.tfm <<'END'
model m(vocab = 64, d = 8) {
  input tokens[t <= 8] : int(vocab)

  use wte = embedding(vocab, d)
  x = wte(tokens)
  output logits = unembed(layer_norm(x), wte.table)
  loss cross_entropy(logits, next(tokens))
}
END
printf 'to be or not to be that is the question %.0s' 1 2 3 4 5 6 7 8 9 > text.txt
tfmc train m.tfm --data text.txt --tokenizer chars --steps 1 --batch 2 -o run --device cpu
sed -i 's/d = 8/d = 16/' run/model.tfm
tfmc train --resume run --steps 2 --device cpu
`,
    said: `error TFM6302: This checkpoint is of another model. TFM6102: \`wte.table\` is [13, 8]; the model has [13, 16]. \`layer_norm.gain\` is [8]; the model has [16]. \`layer_norm.bias\` is [8]; the model has [16].
`,
  },
  TFM7001: {
    file: `TFM7001-law.sh`,
    text: `cat > window.tfm <<'END'
law wide_window: attention(x, 4, mask: sliding(2)) == attention(x, 4, mask: causal)
END
tfmc verify window.tfm
`,
    said: `error TFM7001: The law \`wide_window\` does not hold: \`value[0, 8, 1]\` is -0.139769801 on the left and -42.3266553 on the right (rounding explains 2.9e-12).
  --> window.tfm:1:18
     |
   1 | law wide_window: attention(x, 4, mask: sliding(2)) == attention(x, 4, mask: causal)
     |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     = hint: Sizes t = 9, d = 12; seed 0.
law wide_window does not hold
`,
  },
  TFM7002: {
    file: `TFM7002-claim.sh`,
    text: `cat > m.tfm <<'END'
model m(d = 8) {
  input x[t <= 16, d] : real
  output y = layer_norm(x)
  law size: 2 * d
}
END
tfmc verify m.tfm
`,
    said: `error TFM7002: This claims nothing that can be checked.
  --> m.tfm:4:13
     |
   4 |   law size: 2 * d
     |             ^^^^^
     = hint: A law is \`params == …\`, \`a == b\` of two forms, \`step == full\`, \`prefix_invariant(y)\`, \`permutation_equivariant(y)\` or \`translation_invariant(y)\`.
law size could not be checked
model m (batch = 2, t = 5)
  forward: 1 output through 2 passes
  rewrites: simplify 1, fuse 1
  on cpu: forward
`,
  },
  TFM7003: {
    file: `TFM7003-sizes.sh`,
    text: `cat > laws.tfm <<'END'
law heads: atention(x, 4) == attention(x, 4)
END
tfmc verify laws.tfm
`,
    said: `error TFM7003: The law \`heads\` builds with no sizes that were tried. \`atention\` is not a name here.
  --> laws.tfm:1:12
     |
   1 | law heads: atention(x, 4) == attention(x, 4)
     |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     = note: here
  --> laws.tfm:1:12
     |
   1 | law heads: atention(x, 4) == attention(x, 4)
     |            --------
     = hint: Did you mean \`attention\`?
law heads could not be checked
`,
  },
  TFM7004: {
    file: `TFM7004-parameters.sh`,
    text: `cat > a.tfm <<'END'
model m(d = 8) {
  input x[t <= 16, d] : real
  output y = layer_norm(x)
}
END
sed 's/layer_norm/rms_norm/' a.tfm > b.tfm
tfmc verify a.tfm b.tfm
`,
    said: `error TFM7004: The models have different parameters: only the first has \`layer_norm.gain\`, \`layer_norm.bias\`, only the second has \`rms_norm.gain\`.
  --> b.tfm:1:7
     |
   1 | model m(d = 8) {
     |       ^
`,
  },
  TFM7005: {
    file: `TFM7005-large.sh`,
    text: `cat > wide.tfm <<'END'
model wide(d = 16384) {
  input x[t <= 16, d] : real
  output y = linear(x, d)
}
END
tfmc verify wide.tfm
`,
    said: `error TFM7005: \`wide\` takes 5.64e+3 million operations and tensors of 268 million elements, more than are computed here.
  --> wide.tfm:1:7
     |
   1 | model wide(d = 16384) {
     |       ^^^^
     = hint: Make the model smaller with \`--set\`: fewer layers, a smaller width or vocabulary.
`,
  },
  TFM7006: {
    file: `TFM7006-numbers.sh`,
    text: `cat > a.tfm <<'END'
model m(d = 8) {
  input x[t <= 16, d] : real
  output y = mlp(x, 12, act: gelu)
}
END
sed 's/gelu/gelu_tanh/' a.tfm > b.tfm
tfmc verify a.tfm b.tfm
`,
    said: `error TFM7006: The two are not equal: \`y[0, 4, 0]\` is 0.707206662 in the first and 0.706240738 in the second; rounding explains 1.9e-12.
  --> b.tfm:1:7
     |
   1 | model m(d = 8) {
     |       ^
     = hint: Lengths batch = 2, t = 5; seed 0.
`,
  },
};
