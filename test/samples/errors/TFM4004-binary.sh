printf 'model m {\001\002}' > m.tfm
tfmc check m.tfm
