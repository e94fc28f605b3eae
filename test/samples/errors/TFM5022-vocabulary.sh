cat > m.tfm <<'END'
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
