"""Writes test/reference/hugging-face/<name>/: small checkpoints as Hugging Face stores them, of decoders, in odd sizes.

usage: python3 scripts/reference/hf_decoders.py     (needs PyTorch; the files are committed, so only a change of this file asks for it)

Each folder holds config.json, model.safetensors and io.safetensors: inputs, logits, the mean loss, its gradients. Plain PyTorch in float64,
written from the papers and the published shapes: no code shared with the compiler, and none of the transformers library.
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

from generate import write
from hf_encoders import ACT, Weights

ACT = {**ACT, "silu": F.silu, "gelu_pytorch_tanh": ACT["gelu_new"]}


def turned(x, base, dims, kind="default", factor=1.0, original=1):
    """Rotary positions of the first `dims` of each head, pairs half a turn apart. x [b, h, t, c]."""
    half = dims // 2
    rate = base ** (-torch.arange(half, dtype=torch.float64) / half)
    if kind == "linear":
        rate = rate / factor
    if kind == "llama3":
        wave = 2 * math.pi / rate
        smooth = ((original / wave - 1) / (4 - 1)).clamp(0, 1)
        rate = smooth * rate + (1 - smooth) * rate / factor
    angle = torch.arange(x.shape[2], dtype=torch.float64)[:, None] * rate
    cos, sin = angle.cos(), angle.sin()
    a, b, rest = x[..., :half], x[..., half:dims], x[..., dims:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], -1)


def mixed(q, k, v, seen, scale, cap=None, add=None):
    """q [b, h, t, c], k and v of as many heads or fewer; heads in a row share one of theirs; who sees nothing has 0. → [b, t, h · c]"""
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    s = q @ k.transpose(-1, -2) * scale
    s = s if cap is None else cap * torch.tanh(s / cap)
    s = s if add is None else s + add
    p = torch.softmax(s.masked_fill(~seen, -1e30), -1) * seen
    return (p @ v).transpose(1, 2).flatten(2)


def heads_of(x, heads):
    return x.unflatten(-1, (heads, x.shape[-1] // heads)).transpose(1, 2)


def visible(i, window=None):
    t = i["input_ids"].shape[1]
    far = torch.arange(t)[:, None] - torch.arange(t)[None]
    seen = (far >= 0) if window is None else (far >= 0) & (far < window)
    return seen[None, None] & i["attention_mask"].bool()[:, None, None, :]


def finish(w, i, x, tied, name="lm_head", bias=False):
    vocab = w.tensors[tied].shape[0] if tied else 97
    z = x @ w.tensors[tied].T if tied else w.linear(name, x, vocab, bias)
    targets = i["shift_labels"].long()
    each = torch.logsumexp(z, -1) - z.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return z, (each * (targets >= 0)).sum() / (targets >= 0).sum()


def run_gpt2(w, c, i):
    d, heads, eps, t = c["n_embd"], c["n_head"], c["layer_norm_epsilon"], i["input_ids"].shape[1]
    conv = lambda name, x, out: x @ w.get(f"{name}.weight", x.shape[-1], out) + w.get(f"{name}.bias", out)
    x = w.table("transformer.wte", i["input_ids"], 97, d) + w.table("transformer.wpe", torch.arange(t), c["n_positions"], d)
    for n in range(c["n_layer"]):
        at = f"transformer.h.{n}."
        q, k, v = (heads_of(p, heads) for p in conv(at + "attn.c_attn", w.norm(at + "ln_1", x, eps), 3 * d).split(d, -1))
        scale = (d // heads) ** -0.5 if c["scale_attn_weights"] else 1.0
        x = x + conv(at + "attn.c_proj", mixed(q, k, v, visible(i), scale), d)
        h = ACT[c["activation_function"]](conv(at + "mlp.c_fc", w.norm(at + "ln_2", x, eps), c["n_inner"]))
        x = x + conv(at + "mlp.c_proj", h, d)
    return finish(w, i, w.norm("transformer.ln_f", x, eps), "transformer.wte.weight")


def run_neox(w, c, i):
    d, heads, eps = c["hidden_size"], c["num_attention_heads"], c["layer_norm_eps"]
    width = d // heads
    x = w.table("gpt_neox.embed_in", i["input_ids"], 97, d)
    for n in range(c["num_hidden_layers"]):
        at = f"gpt_neox.layers.{n}."
        fused = w.linear(at + "attention.query_key_value", w.norm(at + "input_layernorm", x, eps), 3 * d, c["attention_bias"])
        q, k, v = fused.unflatten(-1, (heads, 3, width)).permute(3, 0, 2, 1, 4)
        q, k = (turned(z, c["rotary_emb_base"], int(width * c["rotary_pct"])) for z in (q, k))
        y = w.linear(at + "attention.dense", mixed(q, k, v, visible(i), width**-0.5), d, c["attention_bias"])
        start = x if c["use_parallel_residual"] else x + y
        h = w.linear(at + "mlp.dense_h_to_4h", w.norm(at + "post_attention_layernorm", start, eps), c["intermediate_size"])
        m = w.linear(at + "mlp.dense_4h_to_h", ACT[c["hidden_act"]](h), d)
        x = x + y + m
    return finish(w, i, w.norm("gpt_neox.final_layer_norm", x, eps), None, "embed_out")


def run_bloom(w, c, i):
    d, heads, eps, t = c["hidden_size"], c["n_head"], c["layer_norm_epsilon"], i["input_ids"].shape[1]
    whole = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (h + 1) / whole) for h in range(whole)] + [2 ** (-4 * (2 * h + 1) / whole) for h in range(heads - whole)]
    add = torch.tensor(slopes, dtype=torch.float64)[None, :, None, None] * torch.arange(t, dtype=torch.float64)
    x = w.norm("transformer.word_embeddings_layernorm", w.table("transformer.word_embeddings", i["input_ids"], 97, d), eps)
    for n in range(c["n_layer"]):
        at = f"transformer.h.{n}."
        fused = w.linear(at + "self_attention.query_key_value", w.norm(at + "input_layernorm", x, eps), 3 * d)
        q, k, v = fused.unflatten(-1, (heads, 3, d // heads)).permute(3, 0, 2, 1, 4)
        x = x + w.linear(at + "self_attention.dense", mixed(q, k, v, visible(i), (d // heads) ** -0.5, add=add), d)
        h = ACT["gelu_new"](w.linear(at + "mlp.dense_h_to_4h", w.norm(at + "post_attention_layernorm", x, eps), 4 * d))
        x = x + w.linear(at + "mlp.dense_4h_to_h", h, d)
    return finish(w, i, w.norm("transformer.ln_f", x, eps), "transformer.word_embeddings.weight")


def run_opt(w, c, i):
    d, heads, e, t = c["hidden_size"], c["num_attention_heads"], c["word_embed_proj_dim"], i["input_ids"].shape[1]
    before = c["do_layer_norm_before"]
    at = "model.decoder."
    x = w.table(at + "embed_tokens", i["input_ids"], 97, e)
    x = w.linear(at + "project_in", x, d, False) if e != d else x
    x = x + w.table(at + "embed_positions", torch.arange(t) + 2, c["max_position_embeddings"] + 2, d)

    def sublayer(norm, x, f):
        return x + f(w.norm(norm, x, 1e-5)) if before else w.norm(norm, x + f(x), 1e-5)

    for n in range(c["num_hidden_layers"]):
        own = f"{at}layers.{n}."

        def attention(y):
            q, k, v = (heads_of(w.linear(f"{own}self_attn.{p}_proj", y, d), heads) for p in "qkv")
            return w.linear(own + "self_attn.out_proj", mixed(q, k, v, visible(i), (d // heads) ** -0.5), d)

        x = sublayer(own + "self_attn_layer_norm", x, attention)
        x = sublayer(own + "final_layer_norm", x, lambda y: w.linear(own + "fc2", torch.relu(w.linear(own + "fc1", y, c["ffn_dim"])), d))
    x = w.norm(at + "final_layer_norm", x, 1e-5) if before else x
    x = w.linear(at + "project_out", x, e, False) if e != d else x
    return finish(w, i, x, at + "embed_tokens.weight")


def run_llama(w, c, i):
    """LLaMA, Mistral, Qwen2, Qwen3, Mixtral, Gemma, Gemma 2, Phi-3."""
    kind, d, eps = c["model_type"], c["hidden_size"], c["rms_norm_eps"]
    heads, groups = c["num_attention_heads"], c["num_key_value_heads"]
    width, hidden = c.get("head_dim") or d // heads, c["intermediate_size"]
    gemma = kind.startswith("gemma")
    rope = c.get("rope_parameters") or {"rope_theta": c.get("rope_theta", 10000.0), **(c.get("rope_scaling") or {})}
    turn = lambda x: turned(x, rope["rope_theta"], width, rope.get("rope_type", "default"), rope.get("factor", 1.0), rope.get("original_max_position_embeddings", 1))
    act = ACT["gelu_new"] if gemma else ACT[c["hidden_act"]]
    qkv, out = c.get("attention_bias", kind == "qwen2"), c.get("attention_bias", False)

    def rms(name, x):
        gain = w.get(f"{name}.weight", x.shape[-1], mean=0.0 if gemma else 1.0)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * (1 + gain if gemma else gain)

    def attention(at, x, window):
        if kind == "phi3":
            q, k, v = w.linear(at + "qkv_proj", x, (heads + 2 * groups) * width, False).split([heads * width, groups * width, groups * width], -1)
        else:
            q, k, v = (w.linear(f"{at}{p}_proj", x, n * width, qkv) for p, n in (("q", heads), ("k", groups), ("v", groups)))
        q, k, v = heads_of(q, heads), heads_of(k, groups), heads_of(v, groups)
        if kind == "qwen3":
            q, k = rms(at + "q_norm", q), rms(at + "k_norm", k)
        scale = c["query_pre_attn_scalar"] ** -0.5 if kind == "gemma2" else width**-0.5
        y = mixed(turn(q), turn(k), v, visible(i, window), scale, c.get("attn_logit_softcapping"))
        return w.linear(at + "o_proj", y, d, out)

    def feed(at, x):
        if kind == "phi3":
            gate, up = w.linear(at + "mlp.gate_up_proj", x, 2 * hidden, False).split(hidden, -1)
            return w.linear(at + "mlp.down_proj", act(gate) * up, d, False)
        if kind == "mixtral":
            return experts(at + "block_sparse_moe.", x)
        bias = c.get("mlp_bias", False)
        h = act(w.linear(at + "mlp.gate_proj", x, hidden, bias)) * w.linear(at + "mlp.up_proj", x, hidden, bias)
        return w.linear(at + "mlp.down_proj", h, d, bias)

    def experts(at, x):
        p = torch.softmax(w.linear(at + "gate", x, c["num_local_experts"], False), -1)
        best, which = p.topk(c["num_experts_per_tok"], -1)
        best = best / best.sum(-1, keepdim=True)
        y = torch.zeros_like(x)
        for e in range(c["num_local_experts"]):
            own = f"{at}experts.{e}."
            part = w.linear(own + "w2", act(w.linear(own + "w1", x, hidden, False)) * w.linear(own + "w3", x, hidden, False), d, False)
            y = y + part * (best * (which == e)).sum(-1, keepdim=True)
        return y

    x = w.table("model.embed_tokens", i["input_ids"], 97, d) * (math.sqrt(d) if gemma else 1.0)
    for n in range(c["num_hidden_layers"]):
        at = f"model.layers.{n}."
        window = c.get("sliding_window")
        if kind == "gemma2":
            window = window if n % 2 == 0 else None
        if kind in ("qwen2", "qwen3"):
            window = window if c["use_sliding_window"] and n >= c["max_window_layers"] else None
        y = attention(at + "self_attn.", rms(at + "input_layernorm", x), window)
        if kind == "gemma2":
            x = x + rms(at + "post_attention_layernorm", y)
            x = x + rms(at + "post_feedforward_layernorm", feed(at, rms(at + "pre_feedforward_layernorm", x)))
        else:
            x = x + y
            x = x + feed(at, rms(at + "post_attention_layernorm", x))
    x = rms("model.norm", x)
    z, loss = finish(w, i, x, "model.embed_tokens.weight" if c["tie_word_embeddings"] else None)
    cap = c.get("final_logit_softcapping")
    if cap is None:
        return z, loss
    z = cap * torch.tanh(z / cap)
    targets = i["shift_labels"].long()
    return z, F.cross_entropy(z.flatten(0, 1), targets.flatten(), ignore_index=-100)


def run_phi(w, c, i):
    d, heads, groups, eps = c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"], c["layer_norm_eps"]
    width = d // heads
    x = w.table("model.embed_tokens", i["input_ids"], 97, d)
    for n in range(c["num_hidden_layers"]):
        at = f"model.layers.{n}."
        y = w.norm(at + "input_layernorm", x, eps)
        q, k, v = (heads_of(w.linear(f"{at}self_attn.{p}_proj", y, m * width), m) for p, m in (("q", heads), ("k", groups), ("v", groups)))
        if c["qk_layernorm"]:
            q, k = w.norm(at + "self_attn.q_layernorm", q, eps), w.norm(at + "self_attn.k_layernorm", k, eps)
        q, k = (turned(z, c["rope_theta"], int(width * c["partial_rotary_factor"])) for z in (q, k))
        a = w.linear(at + "self_attn.dense", mixed(q, k, v, visible(i), width**-0.5), d)
        x = x + a + w.linear(at + "mlp.fc2", ACT[c["hidden_act"]](w.linear(at + "mlp.fc1", y, c["intermediate_size"])), d)
    return finish(w, i, w.norm("model.final_layernorm", x, eps), None, bias=True)


LLAMA = dict(vocab_size=97, hidden_size=18, num_attention_heads=3, num_key_value_heads=1, num_hidden_layers=2, intermediate_size=23, max_position_embeddings=29,
             rms_norm_eps=1e-5, hidden_act="silu", tie_word_embeddings=False)
MODELS = {
    "gpt2": (run_gpt2, dict(model_type="gpt2", architectures=["GPT2LMHeadModel"], vocab_size=97, n_embd=15, n_head=3, n_layer=3, n_inner=22, n_positions=19, layer_norm_epsilon=1e-6,
                            activation_function="relu", scale_attn_weights=False)),
    "gpt_neox": (run_neox, dict(model_type="gpt_neox", architectures=["GPTNeoXForCausalLM"], vocab_size=97, hidden_size=30, num_attention_heads=3, num_hidden_layers=2, intermediate_size=17,
                                max_position_embeddings=29, layer_norm_eps=1e-4, hidden_act="gelu", rotary_pct=0.4, rotary_emb_base=500, use_parallel_residual=True, attention_bias=True)),
    "gpt_neox_serial": (run_neox, dict(model_type="gpt_neox", architectures=["GPTNeoXForCausalLM"], vocab_size=97, hidden_size=18, num_attention_heads=3, num_hidden_layers=2, intermediate_size=17,
                                       max_position_embeddings=29, layer_norm_eps=1e-5, hidden_act="gelu_new", rotary_pct=1.0, rotary_emb_base=10000, use_parallel_residual=False, attention_bias=False)),
    "bloom": (run_bloom, dict(model_type="bloom", architectures=["BloomForCausalLM"], vocab_size=97, hidden_size=18, n_head=3, n_layer=2, layer_norm_epsilon=1e-5, seq_length=31)),
    "opt": (run_opt, dict(model_type="opt", architectures=["OPTForCausalLM"], vocab_size=97, hidden_size=15, num_attention_heads=3, num_hidden_layers=2, ffn_dim=19, max_position_embeddings=21,
                          word_embed_proj_dim=7, do_layer_norm_before=False)),
    "llama": (run_llama, {**LLAMA, **dict(model_type="llama", architectures=["LlamaForCausalLM"], attention_bias=True, mlp_bias=True, rope_theta=700.0,
                                          rope_scaling=dict(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16))}),
    "mistral": (run_llama, {**LLAMA, **dict(model_type="mistral", architectures=["MistralForCausalLM"], sliding_window=3, head_dim=10, num_attention_heads=4, num_key_value_heads=2)}),
    "mixtral": (run_llama, {**LLAMA, **dict(model_type="mixtral", architectures=["MixtralForCausalLM"], num_local_experts=5, num_experts_per_tok=2, hidden_size=12, intermediate_size=9, sliding_window=None,
                                            rope_parameters=dict(rope_theta=100.0, rope_type="default"))}),
    "qwen2": (run_llama, {**LLAMA, **dict(model_type="qwen2", architectures=["Qwen2ForCausalLM"], num_hidden_layers=3, use_sliding_window=True, sliding_window=4, max_window_layers=1,
                                          tie_word_embeddings=True)}),
    "qwen3": (run_llama, {**LLAMA, **dict(model_type="qwen3", architectures=["Qwen3ForCausalLM"], head_dim=10, use_sliding_window=False, sliding_window=None, max_window_layers=28,
                                          rope_parameters=dict(rope_theta=300.0, rope_type="linear", factor=2.5))}),
    "gemma": (run_llama, {**LLAMA, **dict(model_type="gemma", architectures=["GemmaForCausalLM"], head_dim=10, hidden_act="gelu_pytorch_tanh", tie_word_embeddings=True)}),
    "gemma2": (run_llama, {**LLAMA, **dict(model_type="gemma2", architectures=["Gemma2ForCausalLM"], head_dim=10, hidden_act="gelu_pytorch_tanh", tie_word_embeddings=True, num_hidden_layers=3,
                                           query_pre_attn_scalar=7, attn_logit_softcapping=2.5, final_logit_softcapping=3.0, sliding_window=4)}),
    "phi": (run_phi, dict(model_type="phi", architectures=["PhiForCausalLM"], vocab_size=97, hidden_size=30, num_attention_heads=3, num_key_value_heads=1, num_hidden_layers=2, intermediate_size=17,
                          max_position_embeddings=29, layer_norm_eps=1e-5, hidden_act="gelu_new", partial_rotary_factor=0.4, rope_theta=900.0, qk_layernorm=True)),
    "phi3": (run_llama, {**LLAMA, **dict(model_type="phi3", architectures=["Phi3ForCausalLM"], sliding_window=5, pad_token_id=0)}),
}


def make_inputs(c, g):
    b, t = 3, 13
    lengths = torch.tensor([t, t - 4, 1])
    ids = torch.randint(0, 97, (b, t), generator=g)
    mask = (torch.arange(t)[None] < lengths[:, None]).int()
    labels = torch.where(mask.bool(), torch.randint(0, 97, (b, t), generator=g), torch.tensor(-100))
    labels[0, 3] = -100
    return {"input_ids": ids, "attention_mask": mask, "shift_labels": labels}


def main():
    root = pathlib.Path(__file__).resolve().parents[2] / "test" / "reference" / "hugging-face"
    for number, (name, (run, c)) in enumerate(MODELS.items()):
        w = Weights(4000 + number)
        inputs = make_inputs(c, w.g)
        logits, loss = run(w, c, inputs)
        loss.backward()
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(dict(sorted(c.items())), indent=2) + "\n")
        write(folder / "model.safetensors", dict(sorted((k, v.detach()) for k, v in w.tensors.items())), {"format": "pt"})
        grads = {k: torch.zeros_like(v) if v.grad is None else v.grad for k, v in w.tensors.items()}
        norm = math.sqrt(sum(float(v.pow(2).sum()) for v in grads.values()))
        numbers = {**inputs, "logits": logits.detach(), "loss": loss.detach().reshape(1), "grad_norm": torch.tensor([norm])}
        write(folder / "io.safetensors", {**numbers, **{f"grad.{k}": v for k, v in grads.items()}})
        print(name, round(float(loss), 4), round(norm, 4), (folder / "io.safetensors").stat().st_size)


if __name__ == "__main__":
    main()
