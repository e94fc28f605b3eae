mkdir tiny
printf '{"model_type": "gpt2", "n_layers": 1}' > tiny/config.json
printf '\100\0\0\0\0\0\0\0%s\0\0\0\0' '{"wte.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} ' > tiny/model.safetensors
tfmc import tiny -o imported
