tfmc chekc m.tfm
