"""Writes test/reference/hugging-face/<name>/: small checkpoints as Hugging Face stores them, of encoders and encoder-decoders, in odd sizes.

usage: python3 scripts/reference/hf_encoders.py     (needs PyTorch; the files are committed, so only a change of this file asks for it)

Each folder holds config.json, model.safetensors and io.safetensors: inputs, logits, the mean loss, its gradients. Plain PyTorch in float64,
written from the papers and the published shapes: no code shared with the compiler, and none of the transformers library.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

from generate import write

ACT = {
    "relu": torch.relu,
    "gelu": F.gelu,
    "gelu_new": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "swish": lambda x: x * torch.sigmoid(x),
    "tanh": torch.tanh,
}


class Weights:
    """Name in the checkpoint -> tensor, drawn at its first use."""

    def __init__(self, seed, width=0.3):
        self.g, self.width = torch.Generator().manual_seed(seed), width
        self.tensors, self.buffers = {}, {}

    def draw(self, shape, mean=0.0, width=None):
        return (mean + (width or self.width) * torch.randn(shape, generator=self.g, dtype=torch.float64)).float().double()

    def get(self, name, *shape, mean=0.0):
        if name not in self.tensors:
            self.tensors[name] = self.draw(shape, mean).requires_grad_()
        assert self.tensors[name].shape == shape, name
        return self.tensors[name]

    def buffer(self, name, values):
        """In the checkpoint, not learned."""
        if name not in self.buffers:
            self.buffers[name] = values.float().double()
        return self.buffers[name]

    def linear(self, name, x, out, bias=True):
        return F.linear(x, self.get(f"{name}.weight", out, x.shape[-1]), self.get(f"{name}.bias", out) if bias else None)

    def norm(self, name, x, eps):
        d = x.shape[-1]
        return F.layer_norm(x, (d,), self.get(f"{name}.weight", d, mean=1.0), self.get(f"{name}.bias", d), eps)

    def rms(self, name, x, eps):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * self.get(f"{name}.weight", x.shape[-1], mean=1.0)

    def table(self, name, ids, rows, d):
        return self.get(f"{name}.weight", rows, d)[ids]


def attend(w, names, x, memory, seen, heads, width, bias=True, divide=None, score=None, turn=None):
    """names: of q, k, v, o. seen: [b, 1, i, j] or alike."""
    q, k, v = (w.linear(n, z, heads * width, bias).unflatten(-1, (heads, width)).transpose(1, 2) for n, z in zip(names, (x, memory, memory)))
    if turn is not None:
        q, k = turn(q), turn(k)
    s = q @ k.transpose(-1, -2) / (math.sqrt(width) if divide is None else divide)
    s = s if score is None else s + score
    y = torch.softmax(s.masked_fill(~seen, -1e30), -1) @ v
    return w.linear(names[3], y.transpose(1, 2).flatten(2), x.shape[-1], bias)


def bert_like(w, c, inputs):
    """BERT, ALBERT, RoFormer: the stream after the last layer."""
    kind, d, eps, heads = c["model_type"], c["hidden_size"], c["layer_norm_eps"], c["num_attention_heads"]
    e = c.get("embedding_size", d)
    ids, t = inputs["input_ids"], inputs["input_ids"].shape[1]
    at = f"{kind}.embeddings."
    x = w.table(at + "word_embeddings", ids, c["vocab_size"], e)
    if kind != "roformer":
        x = x + w.table(at + "position_embeddings", torch.arange(t), c["max_position_embeddings"], e)
    x = x + w.table(at + "token_type_embeddings", inputs["token_type_ids"], c["type_vocab_size"], e)
    x = w.norm(at + "LayerNorm", x, eps)
    if kind == "albert":
        x = w.linear("albert.encoder.embedding_hidden_mapping_in", x, d)
    elif e != d:
        x = w.linear("roformer.embeddings_project", x, d)
    turn = None
    if kind == "roformer":
        # Not quite sinusoids: that the stored ones are used, and not others, is to be seen.
        half, rows = d // heads // 2, torch.arange(c["max_position_embeddings"], dtype=torch.float64)[:, None]
        angle = rows / 10000 ** (torch.arange(half, dtype=torch.float64) / half)
        stored = w.buffer("roformer.encoder.embed_positions.weight", torch.cat([angle.sin(), angle.cos()], -1) + w.draw((len(rows), 2 * half), width=0.05))
        z = torch.complex(stored[:t, half:], stored[:t, :half])

        def turn(y):
            return torch.view_as_real(torch.view_as_complex(y.unflatten(-1, (half, 2)).contiguous()) * z).flatten(-2)

    seen = inputs["attention_mask"].bool()[:, None, None, :]
    for n in range(c["num_hidden_layers"]):
        if kind == "albert":
            at = "albert.encoder.albert_layer_groups.0.albert_layers.0."
            names = [f"{at}attention.{p}" for p in ("query", "key", "value", "dense")]
            first, up, down, second = (at + p for p in ("attention.LayerNorm", "ffn", "ffn_output", "full_layer_layer_norm"))
        else:
            at = f"{kind}.encoder.layer.{n}."
            names = [f"{at}attention.{p}" for p in ("self.query", "self.key", "self.value", "output.dense")]
            first, up, down, second = (at + p for p in ("attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"))
        x = w.norm(first, x + attend(w, names, x, x, seen, heads, d // heads, turn=turn), eps)
        x = w.norm(second, x + w.linear(down, ACT[c["hidden_act"]](w.linear(up, x, c["intermediate_size"])), d), eps)
    return x


def word_logits(w, c, x, dense, norm, bias, table):
    e = c.get("embedding_size", c["hidden_size"])
    y = w.norm(norm, ACT[c["hidden_act"]](w.linear(dense, x, e)), c["layer_norm_eps"])
    return y @ w.tensors[table].T + w.get(bias, c["vocab_size"])


def mean_loss(z, labels):
    return F.cross_entropy(z.flatten(0, -2), labels.flatten(), ignore_index=-100)


def run_bert(w, c, i):
    z = word_logits(w, c, bert_like(w, c, i), "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias",
                    "bert.embeddings.word_embeddings.weight")
    return {"logits": z}, mean_loss(z, i["labels"])


def run_albert(w, c, i):
    x = bert_like(w, c, i)
    z = word_logits(w, c, x, "predictions.dense", "predictions.LayerNorm", "predictions.bias", "albert.embeddings.word_embeddings.weight")
    order = w.linear("sop_classifier.classifier", torch.tanh(w.linear("albert.pooler", x[:, 0], c["hidden_size"])), 2)
    return {"logits": z, "label_logits": order}, mean_loss(z, i["labels"]) + mean_loss(order, i["sentence_order_label"])


def run_roformer(w, c, i):
    x = bert_like(w, c, i)[:, 0]
    z = w.linear("classifier.out_proj", ACT[c["hidden_act"]](w.linear("classifier.dense", x, c["hidden_size"])), len(c["id2label"]))
    return {"logits": z}, mean_loss(z, i["labels"])


def t5_bucket(relative, two_sided, buckets, distance):
    base = 0
    if two_sided:
        buckets //= 2
        base, relative = (buckets if relative > 0 else 0), abs(relative)
    else:
        relative = max(-relative, 0)
    exact = buckets // 2
    if relative < exact:
        return base + relative
    return base + min(exact + int(math.log(relative / exact) / math.log(distance / exact) * (buckets - exact)), buckets - 1)


def run_t5(w, c, i):
    d, heads, eps = c["d_model"], c["num_heads"], c["layer_norm_epsilon"]
    gated, act = c["feed_forward_proj"].startswith("gated-"), ACT[{"gated-gelu": "gelu_new"}.get(c["feed_forward_proj"], c["feed_forward_proj"])]
    b, s = i["input_ids"].shape
    t = i["decoder_input_ids"].shape[1]
    source = i["attention_mask"].bool()[:, None, None, :]
    causal = torch.ones(t, t).tril().bool()[None, None]
    shared = lambda ids: w.table("shared", ids, c["vocab_size"], d)

    def sublayer(at, x, names, memory, seen, bias):
        z = w.rms(at + "layer_norm", x, eps)
        return x + attend(w, [f"{at}{names}.{p}" for p in "qkvo"], z, z if memory is None else memory, seen, heads, c["d_kv"], False, 1.0, bias)

    def feed(at, x):
        z = w.rms(at + "layer_norm", x, eps)
        at += "DenseReluDense."
        h = act(w.linear(at + "wi_0", z, c["d_ff"], False)) * w.linear(at + "wi_1", z, c["d_ff"], False) if gated else act(w.linear(at + "wi", z, c["d_ff"], False))
        return x + w.linear(at + "wo", h, d, False)

    def stack(name, x, layers, seen, memory=None):
        n = x.shape[1]
        table = w.get(f"{name}.block.0.layer.0.SelfAttention.relative_attention_bias.weight", c["relative_attention_num_buckets"], heads)
        rows = [[t5_bucket(q - p, memory is None, c["relative_attention_num_buckets"], c["relative_attention_max_distance"]) for q in range(n)] for p in range(n)]
        bias = table[torch.tensor(rows)].permute(2, 0, 1)
        for layer in range(layers):
            at = f"{name}.block.{layer}.layer."
            x = sublayer(at + "0.", x, "SelfAttention", None, seen, bias)
            if memory is not None:
                x = sublayer(at + "1.", x, "EncDecAttention", memory, source, None)
            x = feed(at + ("1." if memory is None else "2."), x)
        return w.rms(f"{name}.final_layer_norm", x, eps)

    memory = stack("encoder", shared(i["input_ids"]), c["num_layers"], source)
    y = stack("decoder", shared(i["decoder_input_ids"]), c["num_decoder_layers"], causal & i["decoder_attention_mask"].bool()[:, None, None, :], memory)
    z = y * d**-0.5 @ w.tensors["shared.weight"].T if c["tie_word_embeddings"] else w.linear("lm_head", y, c["vocab_size"], False)
    return {"logits": z}, mean_loss(z, i["labels"])


def run_bart(w, c, i):
    """BART and Marian."""
    d, heads, marian = c["d_model"], c["encoder_attention_heads"], c["model_type"] == "marian"
    apart = marian and not c["share_encoder_decoder_embeddings"]
    scale, target_vocab = math.sqrt(d) if c["scale_embedding"] else 1.0, c.get("decoder_vocab_size", c["vocab_size"])
    t = i["decoder_input_ids"].shape[1]
    source = i["attention_mask"].bool()[:, None, None, :]
    causal = torch.ones(t, t).tril().bool()[None, None]

    def embedded(side, ids, vocab):
        n = ids.shape[1]
        x = scale * w.table(f"model.{side}.embed_tokens" if apart else "model.shared", ids, vocab, d)
        if marian:
            angle = torch.arange(n, dtype=torch.float64)[:, None] / 10000 ** (2 * (torch.arange(d) // 2) / d)
            return x + torch.cat([angle[:, 0::2].sin(), angle[:, 1::2].cos()], -1)
        x = x + w.table(f"model.{side}.embed_positions", torch.arange(n) + 2, c["max_position_embeddings"] + 2, d)
        return w.norm(f"model.{side}.layernorm_embedding", x, 1e-5)

    def stack(side, x, seen, memory=None):
        for n in range(c[f"{side}_layers"]):
            at = f"model.{side}.layers.{n}."
            for kind, other, mask in (("self_attn", None, seen), ("encoder_attn", memory, source))[: 1 if memory is None else 2]:
                names = [f"{at}{kind}.{p}_proj" for p in ("q", "k", "v", "out")]
                x = w.norm(f"{at}{kind}_layer_norm", x + attend(w, names, x, x if other is None else other, mask, heads, d // heads), 1e-5)
            h = ACT[c["activation_function"]](w.linear(at + "fc1", x, c[f"{side}_ffn_dim"]))
            x = w.norm(at + "final_layer_norm", x + w.linear(at + "fc2", h, d), 1e-5)
        return x

    memory = stack("encoder", embedded("encoder", i["input_ids"], c["vocab_size"]), source)
    y = stack("decoder", embedded("decoder", i["decoder_input_ids"], target_vocab), causal & i["decoder_attention_mask"].bool()[:, None, None, :], memory)
    table = w.tensors["model.decoder.embed_tokens.weight" if apart else "model.shared.weight"]
    z = y @ table.T + w.buffer("final_logits_bias", w.draw((1, target_vocab)))
    return {"logits": z}, mean_loss(z, i["labels"])


BERT = dict(layer_norm_eps=1e-12, type_vocab_size=3, vocab_size=97, hidden_size=15, num_attention_heads=3, num_hidden_layers=3, intermediate_size=22, max_position_embeddings=19,
            pad_token_id=0)
PAIR = dict(is_encoder_decoder=True, vocab_size=97, encoder_layers=2, decoder_layers=1, encoder_attention_heads=3, decoder_attention_heads=3, encoder_ffn_dim=22, decoder_ffn_dim=22,
            max_position_embeddings=24, pad_token_id=1, decoder_start_token_id=2, eos_token_id=2)
T5 = dict(is_encoder_decoder=True, vocab_size=97, d_model=14, d_kv=5, d_ff=19, num_heads=3, num_layers=1, num_decoder_layers=2, n_positions=33, layer_norm_epsilon=1e-6,
          relative_attention_num_buckets=10, relative_attention_max_distance=11, pad_token_id=0, decoder_start_token_id=0, eos_token_id=1)
MODELS = {
    "bert": (run_bert, dict(model_type="bert", architectures=["BertForMaskedLM"], hidden_act="gelu", **BERT)),
    "albert": (run_albert, {**BERT, **dict(model_type="albert", architectures=["AlbertForPreTraining"], hidden_act="gelu_new", embedding_size=7)}),
    "roformer": (run_roformer, {**BERT, **dict(model_type="roformer", architectures=["RoFormerForSequenceClassification"], hidden_act="relu", embedding_size=9, hidden_size=18,
                                               id2label={"0": "no", "1": "perhaps", "2": "yes", "3": "certainly", "4": "unknown"})}),
    "t5": (run_t5, dict(model_type="t5", architectures=["T5ForConditionalGeneration"], feed_forward_proj="gated-gelu", tie_word_embeddings=False, **T5)),
    "t5_first": (run_t5, dict(model_type="t5", architectures=["T5ForConditionalGeneration"], feed_forward_proj="relu", tie_word_embeddings=True, **{**T5, "num_layers": 2, "num_decoder_layers": 1})),
    "bart": (run_bart, dict(model_type="bart", architectures=["BartForConditionalGeneration"], activation_function="gelu", d_model=15, scale_embedding=True, **PAIR)),
    "marian": (run_bart, dict(model_type="marian", architectures=["MarianMTModel"], activation_function="swish", d_model=15, decoder_vocab_size=89, scale_embedding=True,
                              share_encoder_decoder_embeddings=False, **PAIR)),
}


def make_inputs(c, g):
    draw = lambda high, *shape: torch.randint(0, high, shape, generator=g)
    b, s, t = 3, 13, 8

    def mask(n, *lengths):
        return (torch.arange(n)[None] < torch.tensor(lengths)[:, None]).int()

    inputs = {"input_ids": draw(c["vocab_size"], b, s), "attention_mask": mask(s, s, s - 4, 1)}
    if c.get("is_encoder_decoder"):
        v = c.get("decoder_vocab_size", c["vocab_size"])
        labels = draw(v, b, t)
        labels[0, 2], labels[2, 5:] = -100, -100
        return {**inputs, "decoder_input_ids": draw(v, b, t), "decoder_attention_mask": mask(t, t, t, 5), "labels": labels}
    inputs["token_type_ids"] = draw(c["type_vocab_size"], b, s)
    if "id2label" in c:
        return {**inputs, "labels": draw(len(c["id2label"]), b)}
    labels = torch.where(draw(3, b, s) > 0, torch.tensor(-100), draw(c["vocab_size"], b, s))
    return {**inputs, "labels": labels, **({"sentence_order_label": draw(2, b)} if c["model_type"] == "albert" else {})}


def main():
    root = pathlib.Path(__file__).resolve().parents[2] / "test" / "reference" / "hugging-face"
    for number, (name, (run, c)) in enumerate(MODELS.items()):
        # Nothing divides T5's products: with wider weights its softmaxes amplify roundings a hundredfold.
        w = Weights(3000 + number, 0.15 if c["model_type"] == "t5" else 0.3)
        inputs = make_inputs(c, w.g)
        outputs, loss = run(w, c, inputs)
        loss.backward()
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(dict(sorted(c.items())), indent=2) + "\n")
        write(folder / "model.safetensors", dict(sorted({**{k: v.detach() for k, v in w.tensors.items()}, **w.buffers}.items())), {"format": "pt"})
        norm = math.sqrt(sum(float(v.grad.pow(2).sum()) for v in w.tensors.values()))
        numbers = {**inputs, **{k: v.detach() for k, v in outputs.items()}, "loss": loss.detach().reshape(1), "grad_norm": torch.tensor([norm])}
        write(folder / "io.safetensors", {**numbers, **{f"grad.{k}": v.grad for k, v in w.tensors.items()}})
        print(name, round(float(loss), 4), round(norm, 4), (folder / "io.safetensors").stat().st_size)


if __name__ == "__main__":
    main()
