cat > laws.tfm <<'END'
law heads: atention(x, 4) == attention(x, 4)
END
tfmc verify laws.tfm
