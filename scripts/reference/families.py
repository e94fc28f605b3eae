"""Writes test/reference/families/<name>.safetensors: weights, inputs, logits, loss and all gradients of small models of the families.

usage: python3 scripts/reference/families.py     (needs PyTorch; the files are committed, so only a change of this file asks for it)

Plain PyTorch, written from the papers: no code shared with the compiler. A parameter comes into being where it is first used,
under the path name that tfmc gives it; values are normal(0.3) with gains around 1. `settings` are what tfmc is told, the other
entries what this file is told.
"""
import json
import math
import pathlib

import torch

from generate import write

BASE = dict(vocab=13, context=10, d_model=12, layers=2, heads=2, norm="layer_norm", norm_at="pre", position="learned", act="gelu", gated=False,
            bias=True, hidden=20, tied=True, scale=1.0, smoothing=0.0, batch=2, length=7, mask="causal", ffn="mlp", embedding_norm=False)
FFN = "mlp(hidden: 20)"
MODELS = {
    "seq2seq_2017": dict(family="encoder_decoder", norm_at="post", position="sinusoidal", act="relu", scale=math.sqrt(12), smoothing=0.1, tied="all",
                         settings=dict(norm_at="post", ffn="mlp(hidden: 20, act: relu)", embedding_scale="sqrt(d_model)", smoothing=0.1)),
    "seq2seq_t5": dict(family="encoder_decoder", norm="rms_norm", position="t5", buckets=8, distance=6, bias=False, gated=True, ffn="geglu", temperature=1.0,
                       tied="output", decoder_layers=1,
                       settings=dict(norm="rms_norm", position="t5(buckets: 8, distance: 6)", bias=False, ffn="geglu(hidden: 20)", temperature=1, tied="output",
                                     decoder_layers=1)),
    "seq2seq_deepnorm": dict(family="encoder_decoder", norm_at="deepnorm", tied="none", decoder_layers=3, position="learned",
                             settings=dict(norm_at="deepnorm", position="learned", tied="none", decoder_layers=3, ffn=FFN)),
    "encoder_segments": dict(family="encoder", norm_at="post", embedding_norm=True, segments=2, mask="full", smoothing=0.2,
                             settings=dict(norm_at="post", embedding_norm="layer_norm", segments=2, ffn=FFN, smoothing=0.2)),
    "encoder_labels": dict(family="encoder", norm_at="dual_residual", position="alibi", heads=6, mask="full", task="classify", classes=5, pooling="mean", smoothing=0.1,
                           settings=dict(norm_at="dual_residual", position="alibi", heads=6, task="classify", classes=5, ffn=FFN, smoothing=0.1)),
    "encoder_shaw": dict(family="encoder", norm_at="sandwich", position="shaw", clip=2, kv_heads=1, mask="full", tied=False,
                         settings=dict(norm_at="sandwich", position="shaw(clip: 2)", kv_heads=1, tied=False, ffn=FFN)),
    "encoder_first": dict(family="encoder", norm_at="deepnorm", position="none", mask="full", task="classify", classes=3, pooling="first", act="silu",
                          settings=dict(norm_at="deepnorm", position="none", task="classify", classes=3, pooling="first", ffn="mlp(hidden: 20, act: silu)")),
    "decoder_dual": dict(family="decoder", d_model=24, norm_at="dual_residual", norm="rms_norm", position="rope", fraction=0.5, interleaved=True, theta=500.0, kv_heads=1, gated=True,
                         ffn="swiglu", act="silu", qk_norm="rms_norm", bias=False,
                         settings=dict(norm_at="dual_residual", norm="rms_norm", position="rope(base: 500, fraction: 0.5, layout: interleaved)", kv_heads=1,
                                       ffn="swiglu(hidden: 20)", qk_norm="rms_norm", bias=False)),
    "decoder_xpos": dict(family="decoder", norm_at="parallel", position="xpos", soft_cap=2.0, final_soft_cap=3.0,
                         settings=dict(norm_at="parallel", position="xpos", soft_cap=2, final_soft_cap=3, ffn=FFN)),
    "decoder_moe": dict(family="decoder", ffn="moe", experts=4, top=2, gated=True, act="silu", position="rope", hidden=8, tied=False,
                        settings=dict(ffn="moe(experts: 4, hidden: 8)", position="rope", tied=False)),
    "decoder_switch": dict(family="decoder", ffn="moe", experts=3, top=1, act="relu", renormalise=False, position="none", hidden=8, norm_at="none",
                           settings=dict(ffn="moe(experts: 3, top: 1, hidden: 8, act: relu, gated: false, renormalise: false)", position="none", norm_at="none")),
    "decoder_shared": dict(family="decoder", d_model=16, share=True, position="rope", scaling="yarn", factor=4.0, original=8, qk_norm="layer_norm", mask="sliding",
                           settings=dict(share_layers=True, position="rope(scaling: yarn, factor: 4, original: 8)", qk_norm="layer_norm", mask="sliding(3)", ffn=FFN)),
    "decoder_llama3": dict(family="decoder", d_model=16, position="rope", scaling="llama3", factor=8.0, original=16,
                           settings=dict(position="rope(scaling: llama3, factor: 8, original: 16)", ffn=FFN)),
    "decoder_ntk": dict(family="decoder", d_model=16, position="rope", scaling="ntk", factor=4.0,
                        settings=dict(position="rope(scaling: ntk, factor: 4)", ffn=FFN)),
    "decoder_prefix": dict(family="decoder", position="t5", buckets=6, distance=6, mask="prefix", prefix=3,
                           settings=dict(position="t5(buckets: 6, distance: 6)", mask="prefix(3)", ffn=FFN)),
}
ACTIVATIONS = {"relu": torch.relu, "gelu": lambda x: 0.5 * x * (1 + torch.erf(x / math.sqrt(2))), "silu": lambda x: x * torch.sigmoid(x)}


class Parameters:
    """Path name -> tensor, drawn at its first use."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)
        self.tensors = {}

    def get(self, name, *shape):
        if name not in self.tensors:
            start = 0.3 * torch.randn(shape, generator=self.generator, dtype=torch.float64) + (1.0 if name.endswith("gain") else 0.0)
            self.tensors[name] = start.float().double().requires_grad_()
        assert self.tensors[name].shape == shape, name
        return self.tensors[name]


class Place:
    """A path whose second `layer_norm` is `layer_norm_2`."""

    def __init__(self, p, path):
        self.p, self.path, self.taken = p, path, {}

    def inner(self, name):
        self.taken[name] = self.taken.get(name, 0) + 1
        number = self.taken[name]
        return Place(self.p, self.join(name if number == 1 else f"{name}_{number}"))

    def join(self, name):
        return f"{self.path}.{name}" if self.path else name

    def get(self, name, *shape):
        return self.p.get(self.join(name), *shape)


def normalise(at, x, kind):
    if kind == "rms_norm":
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * at.get("gain", x.shape[-1])
    return torch.nn.functional.layer_norm(x, x.shape[-1:], at.get("gain", x.shape[-1]), at.get("bias", x.shape[-1]), 1e-5)


def frequencies(c, width):
    theta, n = c.get("theta", 10000.0), width // 2
    scaling, factor, original = c.get("scaling"), c.get("factor", 1.0), c.get("original", 2048)
    if scaling == "ntk":
        theta = theta * factor ** (width / (width - 2))
    w = torch.tensor([theta ** (-2 * m / width) for m in range(n)], dtype=torch.float64)
    if scaling == "llama3":
        wavelength = 2 * math.pi / w
        smooth = ((original / wavelength - 1) / (4 - 1)).clamp(0, 1)
        w = (1 - smooth) * w / factor + smooth * w
    if scaling == "yarn":
        pair = lambda turns: width * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(theta))
        low, high = max(math.floor(pair(32)), 0), min(math.ceil(pair(1)), width - 1)
        ramp = ((torch.arange(n, dtype=torch.float64) - low) / max(high - low, 0.001)).clamp(0, 1)
        w = ramp * w / factor + (1 - ramp) * w
    return w


def rotary(x, c, width, interleaved):
    """x [b, t, h, c]: the first `width` elements as complex numbers, turned."""
    t = x.shape[1]
    angle = torch.arange(t, dtype=torch.float64)[:, None] * frequencies(c, width)
    strength = 0.1 * math.log(c["factor"]) + 1 if c.get("scaling") == "yarn" else 1.0
    turn = torch.polar(torch.full_like(angle, strength), angle)[:, None, :]
    head, rest = x[..., :width], x[..., width:]
    z = torch.complex(head[..., 0::2], head[..., 1::2]) if interleaved else torch.complex(head[..., : width // 2], head[..., width // 2 :])
    z = z * turn
    turned = torch.stack([z.real, z.imag], -1).flatten(-2) if interleaved else torch.cat([z.real, z.imag], -1)
    return torch.cat([turned, rest], -1)


def xpos(x, c, sign):
    width = x.shape[-1]
    y = rotary(x, c, width, True)
    zeta = (torch.arange(0, width, 2, dtype=torch.float64) / width + 0.4) / 1.4
    power = sign * torch.arange(x.shape[1], dtype=torch.float64)[:, None] / 512
    return y * (zeta**power).repeat_interleave(2, -1)[:, None, :]


def slopes(heads):
    """As in the ALiBi paper's own code."""
    def powers(n):
        start = 2 ** (-(2 ** -(math.log2(n) - 3)))
        return [start * start**i for i in range(n)]
    if math.log2(heads).is_integer():
        return powers(heads)
    closest = 2 ** math.floor(math.log2(heads))
    return powers(closest) + slopes(2 * closest)[0::2][: heads - closest]


def bucket(relative, two_sided, buckets, distance):
    """T5: relative = key position - query position."""
    result = 0
    if two_sided:
        buckets //= 2
        result += buckets if relative > 0 else 0
        relative = abs(relative)
    else:
        relative = max(-relative, 0)
    exact = buckets // 2
    if relative < exact:
        return result + relative
    far = exact + int(math.log(relative / exact) / math.log(distance / exact) * (buckets - exact) + 1e-9)
    return result + min(far, buckets - 1)


def visible(c, kind, t, s):
    i, j = torch.arange(t)[:, None], torch.arange(s)[None, :]
    return {"full": i >= 0, "causal": j <= i, "sliding": (j <= i) & (i - j < 3), "prefix": (j <= i) | (j < c.get("prefix", 0))}[kind] & (j >= 0)


def attention(at, x, memory, valid, c, mask, bias=None):
    (b, t, d), s = x.shape, memory.shape[1]
    heads, groups = c["heads"], c.get("kv_heads", c["heads"])
    e = d // heads

    def project(letter, source, n):
        y = torch.einsum("btd,dhc->bthc", source, at.get("w" + letter, d, n, e))
        return y + at.get("b" + letter, n, e) if c["bias"] else y

    q, k, v = project("q", x, heads), project("k", memory, groups), project("v", memory, groups)
    if c.get("qk_norm"):
        q, k = normalise(at.inner("q_norm"), q, c["qk_norm"]), normalise(at.inner("k_norm"), k, c["qk_norm"])
    inside = x is memory
    if inside and c["position"] == "rope":
        q, k = (rotary(z, c, int(e * c.get("fraction", 1)), c.get("interleaved", False)) for z in (q, k))
    if inside and c["position"] == "xpos":
        q, k = xpos(q, c, 1), xpos(k, c, -1)
    k, v = (z.repeat_interleave(heads // groups, 2) for z in (k, v))
    keys, values = k[:, None], v[:, None]
    if inside and c["position"] == "shaw":
        clip = c["clip"]
        offset = (torch.arange(s)[None, :] - torch.arange(t)[:, None]).clamp(-clip, clip) + clip
        table = lambda kind: at.inner("relative_" + kind).get("table", 2 * clip + 1, e)
        keys = keys + table("keys")[offset][None, :, :, None, :]
        values = values + table("values")[offset][None, :, :, None, :]
    else:
        keys, values = keys.expand(b, t, s, heads, e), values.expand(b, t, s, heads, e)
    score = torch.einsum("bihc,bijhc->bhij", q, keys) / c.get("temperature", math.sqrt(e))
    if c.get("soft_cap"):
        score = c["soft_cap"] * torch.tanh(score / c["soft_cap"])
    if inside and c["position"] == "alibi":
        distance = (torch.arange(t)[:, None] - torch.arange(s)[None, :]).abs()
        score = score - torch.tensor(slopes(heads), dtype=torch.float64)[:, None, None] * distance
    if bias is not None:
        score = score + bias
    allowed = visible(c, mask, t, s)[None, None] & valid[:, None, None, :]
    weight = torch.softmax(score.masked_fill(~allowed, -1e30), -1)
    y = torch.einsum("bhij,bijhc,hcn->bin", weight, values, at.get("wo", heads, e, d))
    return y + at.get("bo", d) if c["bias"] else y


def feed_forward(at, x, c):
    d, f, act = x.shape[-1], c["hidden"], ACTIVATIONS[c["act"]]
    if c["ffn"] == "moe":
        n, top = c["experts"], c["top"]
        probability = torch.softmax(x @ at.get("router", d, n), -1)
        best, which = probability.topk(top, -1)
        if c.get("renormalise", True):
            best = best / best.sum(-1, keepdim=True)
        gate = at.get("wg", n, d, f) if c["gated"] else None
        w1, w2 = at.get("w1", n, d, f), at.get("w2", n, f, d)
        y = torch.zeros_like(x)
        for choice in range(top):
            for b in range(x.shape[0]):
                for t in range(x.shape[1]):
                    expert, row = int(which[b, t, choice]), x[b, t]
                    a = act(row @ gate[expert]) * (row @ w1[expert]) if c["gated"] else act(row @ w1[expert])
                    y = y + torch.zeros_like(x).index_put((torch.tensor(b), torch.tensor(t)), best[b, t, choice] * (a @ w2[expert]))
        return y
    if c["gated"]:
        return (act(x @ at.get("wg", d, f)) * (x @ at.get("wu", d, f))) @ at.get("wd", f, d)
    h = act(x @ at.get("w1", d, f) + at.get("b1", f)) if c["bias"] else act(x @ at.get("w1", d, f))
    y = h @ at.get("w2", f, d)
    return y + at.get("b2", d) if c["bias"] else y


def stack(at, x, layers, alpha, c, valid, mask, memory=None, memory_valid=None, two_sided=False):
    """Embeddings [b, t, d] -> the stream after the last layer and its norm."""
    kind, d, t = c["norm"], x.shape[-1], x.shape[1]
    x = x * c["scale"]
    if c["position"] == "learned":
        x = x + at.inner("wpe").get("table", c["context"], d)[:t]
    if c["position"] == "sinusoidal":
        angle = torch.arange(t, dtype=torch.float64)[:, None] / 10000 ** (torch.arange(0, d, 2, dtype=torch.float64) / d)
        x = x + torch.stack([angle.sin(), angle.cos()], -1).flatten(-2)
    if c["embedding_norm"]:
        x = normalise(at.inner("embedding_norm"), x, kind)
    bias = None
    if c["position"] == "t5":
        table = at.inner("relative_bias").get("table", c["buckets"], c["heads"])
        rows = torch.tensor([[bucket(j - i, two_sided, c["buckets"], c["distance"]) for j in range(t)] for i in range(t)])
        bias = table[rows].permute(2, 0, 1)
    total = x
    for number in range(layers):
        layer = Place(at.p, at.join("layers" if c.get("share") else f"layers.{number}"))
        parts = [lambda z, at: attention(at, z, z, valid, c, mask, bias)]
        names = ["attention"]
        if memory is not None:
            parts.append(lambda z, at: attention(at, z, memory, memory_valid, c, "full"))
            names.append("attention")
        parts.append(lambda z, at: feed_forward(at, z, c))
        names.append(c["ffn"])
        norm = lambda z: normalise(layer.inner(kind), z, kind)
        if c["norm_at"] == "parallel":
            z = norm(x)
            x = x + sum(f(z, layer.inner(name)) for f, name in zip(parts, names))
            continue
        for f, name in zip(parts, names):
            g = lambda z: f(z, layer.inner(name))
            match c["norm_at"]:
                case "pre":
                    x = x + g(norm(x))
                case "post":
                    x = norm(x + g(x))
                case "sandwich":
                    x = x + norm(g(norm(x)))
                case "deepnorm":
                    x = norm(alpha * x + g(x))
                case "dual_residual":
                    y = g(x)
                    total, x = total + y, norm(x + y)
                case "none":
                    x = x + g(x)
    end = lambda z: normalise(at.inner(kind), z, kind)
    if c["norm_at"] in ("pre", "sandwich", "parallel"):
        return end(x)
    return x + end(total) if c["norm_at"] == "dual_residual" else x


def smoothed(z, targets, smoothing):
    """Mean over targets >= 0 of the cross-entropy to (1-e) onehot + e/V."""
    goal = torch.nn.functional.one_hot(targets.clamp(min=0), z.shape[-1]) * (1 - smoothing) + smoothing / z.shape[-1]
    counts = (targets >= 0).double()
    return (-(goal * torch.log_softmax(z, -1)).sum(-1) * counts).sum() / counts.sum()


def run(p, c, inputs):
    at, d, v = Place(p, ""), c["d_model"], c["vocab"]
    if c["family"] == "encoder_decoder":
        source, target = inputs["source"], inputs["target"]
        shared = at.get("wte.table", v, d)
        table = shared if c["tied"] == "all" else at.get("source_wte.table", v, d)
        n, m = c["layers"], c.get("decoder_layers", c["layers"])
        alpha = (0.81 * (n**4 * m) ** (1 / 16), (3 * m) ** 0.25)
        memory = stack(at.inner("encoder"), table[source], n, alpha[0], c, inputs["source.valid"], "full", two_sided=True)
        y = stack(at.inner("decoder"), shared[target], m, alpha[1], c, inputs["target.valid"], "causal", memory, inputs["source.valid"])
        z = y @ (at.get("head.table", v, d) if c["tied"] == "none" else shared).T
        return z, smoothed(z, inputs["target.next"], c["smoothing"])
    x = at.get("wte.table", v, d)[inputs["tokens"]]
    if c.get("segments"):
        x = x + at.get("wse.table", c["segments"], d)[inputs["segment"]]
    valid = inputs["tokens.valid"]
    x = stack(at, x, c["layers"], (2 * c["layers"]) ** 0.25, c, valid, c["mask"], two_sided=c["family"] == "encoder")
    if c.get("task") == "classify":
        pooled = x[:, 0] if c["pooling"] == "first" else (x * valid[..., None]).sum(1) / valid.sum(1, keepdim=True)
        z = pooled @ at.get("head.w", d, c["classes"]) + at.get("head.b", c["classes"])
        return z, smoothed(z, inputs["label"], c["smoothing"])
    z = x @ (at.get("wte.table", v, d) if c["tied"] else at.get("head.table", v, d)).T
    if c.get("final_soft_cap"):
        z = c["final_soft_cap"] * torch.tanh(z / c["final_soft_cap"])
    return z, smoothed(z, inputs["tokens.original" if c["family"] == "encoder" else "tokens.next"], c["smoothing"])


def make_inputs(c, g):
    ids = lambda low, high, *shape: torch.randint(low, high, shape, generator=g)
    b, t, v = c["batch"], c["length"], c["vocab"]

    def sequence(name, length):
        valid = torch.ones(b, length, dtype=torch.bool)
        valid[1, length - 2 :] = False
        return {name: ids(0, v, b, length) * valid, f"{name}.valid": valid}

    if c["family"] == "encoder_decoder":
        inputs = {**sequence("source", t + 1), **sequence("target", t)}
        return {**inputs, "target.next": torch.where(inputs["target.valid"], ids(0, v, b, t), -1)}
    inputs = sequence("tokens", t)
    if c.get("segments"):
        inputs["segment"] = ids(0, c["segments"], b, t)
    if c.get("task") == "classify":
        return {**inputs, "label": ids(0, c["classes"], b)}
    how = "original" if c["family"] == "encoder" else "next"
    return {**inputs, f"tokens.{how}": torch.where(inputs["tokens.valid"], ids(-3, v, b, t).clamp(min=-1), -1)}


def main():
    target = pathlib.Path(__file__).resolve().parents[2] / "test" / "reference" / "families"
    target.mkdir(parents=True, exist_ok=True)
    written = {}
    for number, (name, changes) in enumerate(MODELS.items()):
        c = {**BASE, **changes}
        p = Parameters(2000 + number)
        inputs = make_inputs(c, p.generator)
        z, loss = run(p, c, inputs)
        loss.backward()
        tensors = {f"weights.{k}": v.detach() for k, v in p.tensors.items()}
        tensors.update({f"grad.{k}": v.grad for k, v in p.tensors.items()})
        tensors.update({f"input.{k}": v for k, v in inputs.items()}, logits=z.detach(), loss=loss.detach().reshape(1))
        write(target / f"{name}.safetensors", tensors)
        sizes = {k: c[k] for k in ("vocab", "context", "d_model", "layers", "heads")}
        written[name] = dict(family=c["family"], batch=c["batch"], length=c["length"], settings={**sizes, **changes["settings"]})
    (target / "models.json").write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
