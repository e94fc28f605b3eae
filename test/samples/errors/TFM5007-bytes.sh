printf 'model m \377' > m.tfm
tfmc check m.tfm
