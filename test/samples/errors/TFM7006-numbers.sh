cat > a.tfm <<'END'
model m(d = 8) {
  input x[t <= 16, d] : real
  output y = mlp(x, 12, act: gelu)
}
END
sed 's/gelu/gelu_tanh/' a.tfm > b.tfm
tfmc verify a.tfm b.tfm
