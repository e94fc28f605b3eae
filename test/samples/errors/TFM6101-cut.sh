cat > m.tfm <<'END'
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
