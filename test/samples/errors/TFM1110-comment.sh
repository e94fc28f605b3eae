cat > m.tfm <<'END'
# Two layers are enough.
model m : decoder {
  layers = 2 # or three
}
END
tfmc fmt --to json m.tfm
