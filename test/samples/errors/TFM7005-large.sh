cat > wide.tfm <<'END'
model wide(d = 16384) {
  input x[t <= 16, d] : real
  output y = linear(x, d)
}
END
tfmc verify wide.tfm
