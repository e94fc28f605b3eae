cat > window.tfm <<'END'
law wide_window: attention(x, 4, mask: sliding(2)) == attention(x, 4, mask: causal)
END
tfmc verify window.tfm
