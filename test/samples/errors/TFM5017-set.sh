cat > m.tfm <<'END'
model m {
  input x[t, 8] : real
  output y = relu(x)
}
END
tfmc check m.tfm --set layers
