mkdir tiny
printf '{"model_type": "gpt2"}' > tiny/config.json
printf 'pickled' > tiny/pytorch_model.bin
tfmc import tiny -o imported
