"""Small transformers in plain PyTorch: the independent implementation that test/reference compares tfmc with.

Every function is written from the formula in the paper, with no code shared with the compiler. Parameters carry the path
names and shapes that tfmc gives them.
"""
import math

import torch

ACTIVATIONS = {
    "relu": torch.relu,
    "gelu": lambda x: 0.5 * x * (1 + torch.erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * torch.sigmoid(x),
}


def layer_norm(p, path, x):
    centred = x - x.mean(-1, keepdim=True)
    y = centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5)
    return y * p[path + ".gain"] + p[path + ".bias"]


def rms_norm(p, path, x):
    return x / torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-6) * p[path + ".gain"]


def rotate(x, base=10000.0):
    """Rotary positions, half layout: x [b, t, h, c]."""
    half = x.shape[-1] // 2
    frequency = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = torch.arange(x.shape[1], dtype=torch.float64)[:, None] * frequency
    cos, sin = angle.cos().to(x.dtype)[:, None, :], angle.sin().to(x.dtype)[:, None, :]
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def allowed(c, t):
    i, j = torch.arange(t)[:, None], torch.arange(t)[None, :]
    if c["mask"] == "causal":
        return j <= i
    if c["mask"] == "full":
        return torch.ones(t, t, dtype=torch.bool)
    return (j <= i) & (i - j < c["window"])


def attention(p, path, x, c):
    b, t, d = x.shape
    heads, groups = c["heads"], c["kv_heads"]

    def project(letter):
        y = torch.einsum("btd,dhc->bthc", x, p[f"{path}.w{letter}"])
        return y + p[f"{path}.b{letter}"] if c["bias"] else y

    q, k, v = project("q"), project("k"), project("v")
    if c["position"] == "rope":
        q, k = rotate(q), rotate(k)
    k, v = (torch.repeat_interleave(z, heads // groups, dim=2) for z in (k, v))
    s = torch.einsum("bihc,bjhc->bhij", q, k) / math.sqrt(q.shape[-1])
    if c["position"] == "alibi":
        slope = 2.0 ** (-8.0 * (torch.arange(heads, dtype=x.dtype) + 1) / heads)
        distance = torch.arange(t)[:, None] - torch.arange(t)[None, :]
        s = s - slope[:, None, None] * distance
    weights = torch.softmax(s.masked_fill(~allowed(c, t), -1e30), -1)
    y = torch.einsum("bhij,bjhc,hcn->bin", weights, v, p[f"{path}.wo"])
    return y + p[f"{path}.bo"] if c["bias"] else y


def feed_forward(p, path, x, c):
    act = ACTIVATIONS[c["act"]]
    if c["gated"]:
        return (act(x @ p[f"{path}.wg"]) * (x @ p[f"{path}.wu"])) @ p[f"{path}.wd"]
    hidden = x @ p[f"{path}.w1"]
    hidden = act(hidden + p[f"{path}.b1"]) if c["bias"] else act(hidden)
    y = hidden @ p[f"{path}.w2"]
    return y + p[f"{path}.b2"] if c["bias"] else y


def logits(p, tokens, c):
    norm = layer_norm if c["norm"] == "layer_norm" else rms_norm
    name = c["norm"]
    ffn = "gated_mlp" if c["gated"] else "mlp"
    x = p["wte.table"][tokens]
    if c["position"] == "learned":
        x = x + p["learned_position.table"][: tokens.shape[1]]
    for n in range(c["layers"]):
        at = f"layers.{n}"
        first, second = f"{at}.{name}", f"{at}.{name}_2"
        if c["norm_at"] == "pre":
            x = x + attention(p, f"{at}.attention", norm(p, first, x), c)
            x = x + feed_forward(p, f"{at}.{ffn}", norm(p, second, x), c)
        else:
            x = norm(p, first, x + attention(p, f"{at}.attention", x, c))
            x = norm(p, second, x + feed_forward(p, f"{at}.{ffn}", x, c))
    if c["norm_at"] == "pre":
        x = norm(p, name, x)
    head = p["wte.table"] if c["tied"] else p["head.table"]
    return x @ head.T


def loss(z, targets, smoothing):
    """Mean over targets >= 0 of cross-entropy against (1-e)·onehot + e/V."""
    log_p = torch.log_softmax(z, -1)
    counts = targets >= 0
    picked = log_p.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    each = -(1 - smoothing) * picked - smoothing * log_p.mean(-1)
    return (each * counts).sum() / counts.sum()


def parameter_shapes(c):
    d, h, g, f = c["d"], c["heads"], c["kv_heads"], c["hidden"]
    e = d // h
    shapes = {"wte.table": (c["vocab"], d)}
    if c["position"] == "learned":
        shapes["learned_position.table"] = (c["context"], d)
    norm = {"gain": (d,), "bias": (d,)} if c["norm"] == "layer_norm" else {"gain": (d,)}
    for n in range(c["layers"]):
        at = f"layers.{n}"
        for suffix in ("", "_2"):
            shapes.update({f"{at}.{c['norm']}{suffix}.{k}": s for k, s in norm.items()})
        shapes.update({f"{at}.attention.{k}": s for k, s in {"wq": (d, h, e), "wk": (d, g, e), "wv": (d, g, e), "wo": (h, e, d)}.items()})
        if c["bias"]:
            shapes.update({f"{at}.attention.{k}": s for k, s in {"bq": (h, e), "bk": (g, e), "bv": (g, e), "bo": (d,)}.items()})
        if c["gated"]:
            shapes.update({f"{at}.gated_mlp.{k}": s for k, s in {"wg": (d, f), "wu": (d, f), "wd": (f, d)}.items()})
        else:
            shapes.update({f"{at}.mlp.{k}": s for k, s in {"w1": (d, f), "w2": (f, d)}.items()})
            if c["bias"]:
                shapes.update({f"{at}.mlp.{k}": s for k, s in {"b1": (f,), "b2": (d,)}.items()})
    if c["norm_at"] == "pre":
        shapes.update({f"{c['norm']}.{k}": s for k, s in norm.items()})
    if not c["tied"]:
        shapes["head.table"] = (c["vocab"], d)
    return shapes
