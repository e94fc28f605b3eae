head -c 5000000 /dev/zero > m.tfm
tfmc check m.tfm
