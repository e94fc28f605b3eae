cat > m.tfm <<'END'
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
