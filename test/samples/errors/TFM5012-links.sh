ln -s a.tfm b.tfm
ln -s b.tfm a.tfm
tfmc check a.tfm
