cat > a.tfm <<'END'
model m(d = 8) {
  input x[t <= 16, d] : real
  output y = layer_norm(x)
}
END
sed 's/layer_norm/rms_norm/' a.tfm > b.tfm
tfmc verify a.tfm b.tfm
