cat > m.tfm <<'END'
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
