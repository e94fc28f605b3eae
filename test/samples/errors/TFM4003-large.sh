yes '# a long comment about nothing in particular' | head -n 30000 > m.tfm
tfmc check m.tfm
