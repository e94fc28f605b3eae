cat > m.tfm <<'END'
model m(d = 8) {
  input x[t <= 16, d] : real
  output y = layer_norm(x)
  law size: 2 * d
}
END
tfmc verify m.tfm
