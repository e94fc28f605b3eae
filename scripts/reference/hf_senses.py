"""Writes test/reference/hugging-face/<name>/: small checkpoints as Hugging Face stores them, of ViT, Whisper, CLIP, XLNet and Longformer, in odd sizes.

usage: python3 scripts/reference/hf_senses.py     (needs PyTorch; the files are committed, so only a change of this file asks for it)

Each folder holds config.json, model.safetensors and io.safetensors: inputs, outputs, the mean loss, its gradients. Plain PyTorch in float64,
written from the papers and the published shapes: no code shared with the compiler, and none of the transformers library.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

from generate import write
from hf_encoders import ACT, Weights

ACT = {**ACT, "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x)}


def heads(x, h):
    """[b, t, h * c] -> [b, h, t, c]"""
    return x.unflatten(-1, (h, -1)).transpose(1, 2)


def merged(x):
    return x.transpose(1, 2).flatten(2)


def masked_softmax(s, seen):
    """Rows that see nothing are 0."""
    p = torch.softmax(s.masked_fill(~seen, -1e300), -1)
    return torch.where(seen.any(-1, keepdim=True), p, torch.zeros_like(p))


def attend(w, names, x, memory, h, seen, bias=(True, True, True, True)):
    q, k, v = (heads(w.linear(n, y, x.shape[-1], b), h) for n, y, b in zip(names, (x, memory, memory), bias))
    s = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    return w.linear(names[3], merged(masked_softmax(s, seen.expand(s.shape)) @ v), x.shape[-1], bias[3])


def pre_norm_layer(w, name, x, c, seen, names, act, eps, bias=(True, True, True, True)):
    """names: first norm, q, k, v, o, second norm, fc1, fc2"""
    n = [f"{name}.{part}" for part in names]
    y = w.norm(n[0], x, eps)
    x = x + attend(w, n[1:5], y, y, c["heads"], seen, bias)
    return x + w.linear(n[7], act(w.linear(n[6], w.norm(n[5], x, eps), c["hidden"])), x.shape[-1])


# ---------------------------------------------------------------- ViT

VIT = ["layernorm_before", *[f"attention.attention.{n}" for n in ("query", "key", "value")], "attention.output.dense",
       "layernorm_after", "intermediate.dense", "output.dense"]


def squares(w, name, pixels, d, p, bias):
    kernel = w.get(f"{name}.weight", d, pixels.shape[1], p, p)
    y = F.conv2d(pixels, kernel, w.get(f"{name}.bias", d) if bias else None, stride=p)
    return y.flatten(2).transpose(1, 2)


def vit(w, c, inputs):
    pixels, d, eps = inputs["pixel_values"].double(), c["hidden_size"], c["layer_norm_eps"]
    height, width = c["image_size"] if isinstance(c["image_size"], list) else [c["image_size"]] * 2
    x = squares(w, "vit.embeddings.patch_embeddings.projection", pixels, d, c["patch_size"], True)
    x = torch.cat([w.get("vit.embeddings.cls_token", 1, 1, d).expand(len(x), 1, d), x], 1)
    x = x + w.get("vit.embeddings.position_embeddings", 1, 1 + height * width // c["patch_size"] ** 2, d)
    seen = torch.ones(1, 1, 1, x.shape[1], dtype=torch.bool)
    sizes = dict(heads=c["num_attention_heads"], hidden=c["intermediate_size"])
    b = c["qkv_bias"]
    for l in range(c["num_hidden_layers"]):
        x = pre_norm_layer(w, f"vit.encoder.layer.{l}", x, sizes, seen, VIT, ACT[c["hidden_act"]], eps, (b, b, b, True))
    z = w.linear("classifier", w.norm("vit.layernorm", x, eps)[:, 0], len(c["id2label"]))
    return {"logits": z}, F.cross_entropy(z, inputs["labels"].long())


# ---------------------------------------------------------------- Whisper

WHISPER = ["self_attn_layer_norm", *[f"self_attn.{n}_proj" for n in ("q", "k", "v", "out")], "final_layer_norm", "fc1", "fc2"]
KEYLESS = (True, False, True, True)


def whisper(w, c, inputs):
    d, act, eps = c["d_model"], ACT[c["activation_function"]], 1e-5
    x = inputs["input_features"].double()
    for name, channels, stride in (("conv1", c["num_mel_bins"], 1), ("conv2", d, 2)):
        name = f"model.encoder.{name}"
        x = act(F.conv1d(x, w.get(f"{name}.weight", d, channels, 3), w.get(f"{name}.bias", d), stride=stride, padding=1))
    x = x.transpose(1, 2) + w.buffer("model.encoder.embed_positions.weight", w.draw((c["max_source_positions"], d)))
    everything = torch.ones(1, 1, 1, 1, dtype=torch.bool)
    sizes = dict(heads=c["encoder_attention_heads"], hidden=c["encoder_ffn_dim"])
    for l in range(c["encoder_layers"]):
        x = pre_norm_layer(w, f"model.encoder.layers.{l}", x, sizes, everything, WHISPER, act, eps, KEYLESS)
    memory = w.norm("model.encoder.layer_norm", x, eps)

    ids = inputs["decoder_input_ids"].long()
    t = ids.shape[1]
    y = w.table("model.decoder.embed_tokens", ids, c["vocab_size"], d) * (math.sqrt(d) if c["scale_embedding"] else 1)
    y = y + w.table("model.decoder.embed_positions", torch.arange(t), c["max_target_positions"], d)
    causal = torch.ones(t, t, dtype=torch.bool).tril()[None, None]
    h, hidden = c["decoder_attention_heads"], c["decoder_ffn_dim"]
    for l in range(c["decoder_layers"]):
        name = f"model.decoder.layers.{l}"
        n = w.norm(f"{name}.self_attn_layer_norm", y, eps)
        y = y + attend(w, [f"{name}.self_attn.{p}_proj" for p in ("q", "k", "v", "out")], n, n, h, causal, KEYLESS)
        n = w.norm(f"{name}.encoder_attn_layer_norm", y, eps)
        y = y + attend(w, [f"{name}.encoder_attn.{p}_proj" for p in ("q", "k", "v", "out")], n, memory, h, everything, KEYLESS)
        n = w.norm(f"{name}.final_layer_norm", y, eps)
        y = y + w.linear(f"{name}.fc2", act(w.linear(f"{name}.fc1", n, hidden)), d)
    z = w.norm("model.decoder.layer_norm", y, eps) @ w.tensors["model.decoder.embed_tokens.weight"].T
    return {"logits": z}, F.cross_entropy(z.transpose(1, 2), inputs["labels"].long(), ignore_index=-100)


# ---------------------------------------------------------------- CLIP

CLIP = ["layer_norm1", *[f"self_attn.{n}_proj" for n in ("q", "k", "v", "out")], "layer_norm2", "mlp.fc1", "mlp.fc2"]


def clip(w, c, inputs):
    text, vision = c["text_config"], c["vision_config"]
    ids, t = inputs["input_ids"].long(), inputs["input_ids"].shape[1]
    d = text["hidden_size"]
    x = w.table("text_model.embeddings.token_embedding", ids, text["vocab_size"], d)
    x = x + w.table("text_model.embeddings.position_embedding", torch.arange(t), text["max_position_embeddings"], d)
    seen = torch.ones(t, t, dtype=torch.bool).tril()[None, None] & (inputs["attention_mask"] > 0)[:, None, None]
    x = tower(w, "text_model", x, text, seen)
    x = w.norm("text_model.final_layer_norm", x, text["layer_norm_eps"])
    end = ids.argmax(-1) if text["eos_token_id"] == 2 else (ids == text["eos_token_id"]).int().argmax(-1)
    x = w.linear("text_projection", x[torch.arange(len(x)), end], c["projection_dim"], False)

    d, p, eps = vision["hidden_size"], vision["patch_size"], vision["layer_norm_eps"]
    y = squares(w, "vision_model.embeddings.patch_embedding", inputs["pixel_values"].double(), d, p, False)
    y = torch.cat([w.get("vision_model.embeddings.class_embedding", d).expand(len(y), 1, d), y], 1)
    y = y + w.table("vision_model.embeddings.position_embedding", torch.arange(y.shape[1]), y.shape[1], d)
    y = w.norm("vision_model.pre_layrnorm", y, eps)
    y = tower(w, "vision_model", y, vision, torch.ones(1, 1, 1, 1, dtype=torch.bool))
    y = w.linear("visual_projection", w.norm("vision_model.post_layernorm", y[:, 0], eps), c["projection_dim"], False)

    x, y = x / x.norm(dim=-1, keepdim=True), y / y.norm(dim=-1, keepdim=True)
    z = w.get("logit_scale", mean=1.0).exp() * x @ y.T
    own = torch.arange(len(z))
    loss = (F.cross_entropy(z, own) + F.cross_entropy(z.T, own)) / 2
    return {"logits": z.T, "logits_per_image": z.T, "logits_per_text": z, "text_embeds": x, "image_embeds": y}, loss


def tower(w, name, x, c, seen):
    sizes = dict(heads=c["num_attention_heads"], hidden=c["intermediate_size"])
    for l in range(c["num_hidden_layers"]):
        x = pre_norm_layer(w, f"{name}.encoder.layers.{l}", x, sizes, seen, CLIP, ACT[c["hidden_act"]], c["layer_norm_eps"])
    return x


# ---------------------------------------------------------------- XLNet

def xlnet(w, c, inputs):
    ids, d, h, eps = inputs["input_ids"].long(), c["d_model"], c["n_head"], c["layer_norm_eps"]
    (batch, t), e = ids.shape, d // h
    x = w.table("transformer.word_embedding", ids, c["vocab_size"], d)
    w.buffer("transformer.mask_emb", w.draw((1, 1, d)))
    seen = (inputs["attention_mask"] > 0)[:, None, :] | torch.eye(t, dtype=torch.bool)
    kinds = inputs["token_type_ids"].long()
    other = (kinds[:, :, None] != kinds[:, None, :]).long()
    # Distances t, t - 1, ..., 1 - t, as the shift of the paper's appendix wants them.
    steps = torch.arange(t, -t, -1.0, dtype=torch.float64)
    angle = steps[:, None] / 10000 ** (torch.arange(0, d, 2, dtype=torch.float64) / d)
    wave = torch.cat([angle.sin(), angle.cos()], -1)
    for l in range(c["n_layer"]):
        name = f"transformer.layer.{l}.rel_attn"
        q, k, v = (torch.einsum("btd,dhe->bhte", x, w.get(f"{name}.{n}", d, h, e)) for n in "qkv")
        r = torch.einsum("td,dhe->hte", wave, w.get(f"{name}.r", d, h, e))
        biased = lambda n: q + w.get(f"{name}.{n}", h, e)[None, :, None]
        near = torch.einsum("bhie,hne->bhin", biased("r_r_bias"), r)
        # Entry (i, j) reads the distance i - j, which is number t - i + j.
        place = t - torch.arange(t)[:, None] + torch.arange(t)[None]
        near = near.gather(-1, place.expand(batch, h, t, t))
        kind = torch.einsum("bhie,ghe->bhig", biased("r_s_bias"), w.get(f"{name}.seg_embed", 2, h, e))
        kind = kind.gather(-1, other[:, None].expand(batch, h, t, t))
        s = (biased("r_w_bias") @ k.transpose(-1, -2) + near + kind) / math.sqrt(e)
        y = masked_softmax(s, seen[:, None].expand(s.shape)) @ v
        y = torch.einsum("bhte,dhe->btd", y, w.get(f"{name}.o", d, h, e))
        x = w.norm(f"{name}.layer_norm", x + y, eps)
        name = f"transformer.layer.{l}.ff"
        y = w.linear(f"{name}.layer_2", ACT[c["ff_activation"]](w.linear(f"{name}.layer_1", x, c["d_inner"])), d)
        x = w.norm(f"{name}.layer_norm", x + y, eps)
    z = x @ w.tensors["transformer.word_embedding.weight"].T + w.get("lm_loss.bias", c["vocab_size"])
    return {"logits": z}, F.cross_entropy(z.transpose(1, 2), inputs["labels"].long(), ignore_index=-100)


# ---------------------------------------------------------------- Longformer

def longformer(w, c, inputs):
    ids, d, h, eps, pad = inputs["input_ids"].long(), c["hidden_size"], c["num_attention_heads"], c["layer_norm_eps"], c["pad_token_id"]
    t, prefix = ids.shape[1], "longformer.embeddings."
    held = (ids != pad).long()
    places = held.cumsum(1) * held + pad
    x = w.table(f"{prefix}word_embeddings", ids, c["vocab_size"], d)
    x = x + w.table(f"{prefix}position_embeddings", places, c["max_position_embeddings"], d)
    kinds = inputs["token_type_ids"].long() if "token_type_ids" in inputs else torch.zeros_like(ids)
    x = x + w.table(f"{prefix}token_type_embeddings", kinds, c["type_vocab_size"], d)
    x = w.norm(f"{prefix}LayerNorm", x, eps)
    valid = inputs["attention_mask"] > 0
    everywhere = (inputs["global_attention_mask"] > 0) & valid
    apart = (torch.arange(t)[:, None] - torch.arange(t)[None]).abs()
    for l in range(c["num_hidden_layers"]):
        name = f"longformer.encoder.layer.{l}"
        part = lambda n: heads(w.linear(f"{name}.attention.self.{n}", x, d), h)
        near = (apart <= c["attention_window"][l] // 2) | everywhere[:, None, :]
        near = near & valid[:, None, :] & valid[:, :, None]
        both = valid[:, None, :] & valid[:, :, None]
        y = []
        for suffix, seen in (("", near), ("_global", both)):
            q, k, v = (part(n + suffix) for n in ("query", "key", "value"))
            s = q @ k.transpose(-1, -2) / math.sqrt(d // h)
            y.append(merged(masked_softmax(s, seen[:, None].expand(s.shape)) @ v))
        y = torch.where(everywhere[:, :, None], y[1], y[0])
        x = w.norm(f"{name}.attention.output.LayerNorm", x + w.linear(f"{name}.attention.output.dense", y, d), eps)
        y = w.linear(f"{name}.output.dense", ACT[c["hidden_act"]](w.linear(f"{name}.intermediate.dense", x, c["intermediate_size"])), d)
        x = w.norm(f"{name}.output.LayerNorm", x + y, eps)
    x = w.norm("lm_head.layer_norm", F.gelu(w.linear("lm_head.dense", x, d)), eps)
    z = x @ w.tensors[f"{prefix}word_embeddings.weight"].T + w.get("lm_head.bias", c["vocab_size"])
    return {"logits": z}, F.cross_entropy(z.transpose(1, 2), inputs["labels"].long(), ignore_index=-100)


# ---------------------------------------------------------------- the folders

def ids(g, vocab, *shape, low=0):
    return torch.randint(low, vocab, shape, generator=g)


def pixels(g, *shape):
    return torch.randn(shape, generator=g)


def some_labels(g, vocab, *shape):
    labels = ids(g, vocab, *shape)
    labels[0, 0] = -100
    return labels


def texts(g, c, batch, length, pad):
    """Rows of falling length, padded; and a label for most places."""
    tokens, mask = ids(g, c["vocab_size"], batch, length, low=pad + 1), torch.ones(batch, length, dtype=torch.long)
    tokens[-1, -3:], mask[-1, -3:] = pad, 0
    return dict(input_ids=tokens, attention_mask=mask, labels=some_labels(g, c["vocab_size"], batch, length))


def clip_texts(g, end, pad):
    """The end somewhere, padding behind it; the end's id is the largest."""
    tokens, mask = ids(g, 27, 3, 8, low=3), torch.ones(3, 8, dtype=torch.long)
    for row, last in enumerate((7, 4, 5)):
        tokens[row, last], tokens[row, last + 1 :], mask[row, last + 1 :] = end, pad, 0
    return dict(input_ids=tokens, attention_mask=mask, pixel_values=pixels(g, 3, 3, 10, 10))


VIT_CONFIG = dict(model_type="vit", architectures=["ViTForImageClassification"], hidden_size=15, num_attention_heads=3, num_hidden_layers=2,
                  intermediate_size=17, image_size=[10, 15], patch_size=5, num_channels=3, hidden_act="gelu", qkv_bias=True,
                  layer_norm_eps=1e-12, id2label={str(n): f"LABEL_{n}" for n in range(5)})
WHISPER_CONFIG = dict(model_type="whisper", architectures=["WhisperForConditionalGeneration"], d_model=15, encoder_layers=2, decoder_layers=3,
                      encoder_attention_heads=3, decoder_attention_heads=5, encoder_ffn_dim=17, decoder_ffn_dim=19, num_mel_bins=7,
                      max_source_positions=9, max_target_positions=13, vocab_size=37, activation_function="gelu", scale_embedding=True,
                      tie_word_embeddings=True)
CLIP_CONFIG = dict(
    model_type="clip", architectures=["CLIPModel"], projection_dim=7, logit_scale_init_value=2.6592,
    text_config=dict(vocab_size=29, hidden_size=15, num_attention_heads=3, num_hidden_layers=2, intermediate_size=17, layer_norm_eps=1e-5,
                     max_position_embeddings=11, hidden_act="quick_gelu", eos_token_id=28, bos_token_id=0, pad_token_id=1),
    vision_config=dict(hidden_size=18, num_attention_heads=2, num_hidden_layers=3, intermediate_size=19, image_size=10, patch_size=5,
                       num_channels=3, layer_norm_eps=1e-5, hidden_act="quick_gelu"))
XLNET_CONFIG = dict(model_type="xlnet", architectures=["XLNetLMHeadModel"], d_model=18, n_head=3, n_layer=2, d_inner=19, vocab_size=41,
                    ff_activation="gelu", layer_norm_eps=1e-12, untie_r=True, attn_type="bi", tie_word_embeddings=True)
LONGFORMER_CONFIG = dict(model_type="longformer", architectures=["LongformerForMaskedLM"], hidden_size=15, num_attention_heads=3,
                         num_hidden_layers=2, intermediate_size=17, vocab_size=39, max_position_embeddings=16, type_vocab_size=1,
                         attention_window=[4, 4], pad_token_id=1, hidden_act="gelu", layer_norm_eps=1e-12, tie_word_embeddings=True)


def global_mask(batch, length):
    mask = torch.zeros(batch, length, dtype=torch.long)
    mask[:, 0] = 1
    mask[0, 7] = 1
    return mask


def longformer_inputs(c):
    return lambda g: dict(**texts(g, c, 2, 11, 1), global_attention_mask=global_mask(2, 11))


WIDE_CONFIG = {**LONGFORMER_CONFIG, "attention_window": [30, 30], "type_vocab_size": 3, "num_hidden_layers": 1}
LEGACY_CONFIG = {**CLIP_CONFIG, "text_config": {**CLIP_CONFIG["text_config"], "eos_token_id": 2, "num_hidden_layers": 1, "layer_norm_eps": 1e-4},
                 "vision_config": {**CLIP_CONFIG["vision_config"], "num_hidden_layers": 1, "hidden_act": "gelu", "layer_norm_eps": 1e-3}}
GREY_CONFIG = {**VIT_CONFIG, "image_size": 9, "patch_size": 3, "num_channels": 1, "qkv_bias": False, "hidden_act": "gelu_new", "num_hidden_layers": 1}

MODELS = {
    "vit": (vit, VIT_CONFIG, lambda g: dict(pixel_values=pixels(g, 2, 3, 10, 15), labels=ids(g, 5, 2))),
    "vit_grey": (vit, GREY_CONFIG, lambda g: dict(pixel_values=pixels(g, 3, 1, 9, 9), labels=ids(g, 5, 3))),
    "whisper": (whisper, WHISPER_CONFIG, lambda g: dict(input_features=pixels(g, 2, 7, 18), decoder_input_ids=ids(g, 37, 2, 6),
                                                        labels=some_labels(g, 37, 2, 6))),
    "clip": (clip, CLIP_CONFIG, lambda g: clip_texts(g, 28, 1)),
    "clip_first": (clip, LEGACY_CONFIG, lambda g: clip_texts(g, 28, 1)),
    "xlnet": (xlnet, XLNET_CONFIG, lambda g: dict(**texts(g, XLNET_CONFIG, 2, 9, 0), token_type_ids=ids(g, 3, 2, 9))),
    "longformer": (longformer, LONGFORMER_CONFIG, longformer_inputs(LONGFORMER_CONFIG)),
    "longformer_wide": (longformer, WIDE_CONFIG, lambda g: dict(**longformer_inputs(WIDE_CONFIG)(g), token_type_ids=ids(g, 3, 2, 11))),
}


def main():
    root = pathlib.Path(__file__).resolve().parents[2] / "test" / "reference" / "hugging-face"
    for number, (name, (run, c, make)) in enumerate(MODELS.items()):
        w = Weights(5000 + number)
        inputs = make(w.g)
        outputs, loss = run(w, c, inputs)
        loss.backward()
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(dict(sorted(c.items())), indent=2) + "\n")
        stored = {**{k: v.detach() for k, v in w.tensors.items()}, **w.buffers}
        write(folder / "model.safetensors", dict(sorted(stored.items())), {"format": "pt"})
        norm = math.sqrt(sum(float(v.grad.pow(2).sum()) for v in w.tensors.values()))
        numbers = {**inputs, **{k: v.detach() for k, v in outputs.items()}, "loss": loss.detach().reshape(1), "grad_norm": torch.tensor([norm])}
        write(folder / "io.safetensors", {**numbers, **{f"grad.{k}": v.grad for k, v in w.tensors.items()}})
        sizes = [(folder / f).stat().st_size for f in ("model.safetensors", "io.safetensors")]
        print(name, round(float(loss), 4), round(norm, 4), sum(v.numel() for v in stored.values()), sizes)


if __name__ == "__main__":
    main()
