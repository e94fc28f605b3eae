printf 'model m { input x[t, 8] : real; output y = relu( x ) }\n' > m.tfm
tfmc fmt --check --format github m.tfm
