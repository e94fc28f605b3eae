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
printf '\010\0\0\0\0\0\0\0{}      ' > i.safetensors
tfmc run m.tfm --set vocab=13 --weights run/model.safetensors --inputs i.safetensors --outputs o.safetensors --device cpu
