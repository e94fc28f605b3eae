"""Writes test/reference/<name>.safetensors: weights, inputs, logits, gradients and one AdamW step of small random models.

usage: python3 scripts/reference/generate.py     (needs PyTorch; the files are committed, so only a change of this folder asks for it)

Parameters are normal(0.3) with gains around 1, so that no bias, gain or large logit hides.
"""
import json
import pathlib
import struct

import torch

from models import logits, loss, parameter_shapes

BASE = dict(vocab=23, d=24, layers=2, heads=4, kv_heads=4, hidden=40, context=12, batch=2, length=9, norm="layer_norm", norm_at="pre",
            position="learned", mask="causal", window=3, act="gelu_tanh", gated=False, bias=True, tied=True, smoothing=0.0)
MODELS = {
    "pre_ln": {},
    "post_ln": dict(norm_at="post", act="relu", layers=3),
    "llama": dict(norm="rms_norm", position="rope", gated=True, act="silu", bias=False, tied=False, kv_heads=2),
    "multi_query": dict(kv_heads=1, act="gelu", smoothing=0.1),
    "alibi": dict(position="alibi", heads=8, kv_heads=8, d=32),
    "sliding": dict(mask="sliding", position="rope", window=3),
    "full_mask": dict(mask="full", layers=1, act="silu"),
    "odd_sizes": dict(vocab=13, d=15, heads=3, kv_heads=3, hidden=17, length=7, batch=3),
    "wide_heads": dict(d=20, heads=2, kv_heads=1, hidden=9, gated=True, act="gelu_tanh", bias=False, position="none"),
    "one_layer": dict(layers=1, heads=1, kv_heads=1, d=8, vocab=7, length=1, batch=1, context=4),
}


def write(path, tensors, metadata=None):
    header, offset, blobs = {} if metadata is None else {"__metadata__": metadata}, 0, []
    for name, tensor in tensors.items():
        integer = not tensor.is_floating_point()
        blob = tensor.to(torch.int32 if integer else torch.float32).contiguous().numpy().tobytes()
        header[name] = dict(dtype="I32" if integer else "F32", shape=list(tensor.shape), data_offsets=[offset, offset + len(blob)])
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header, separators=(",", ":") if metadata else None).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def main():
    target = pathlib.Path(__file__).resolve().parents[2] / "test" / "reference"
    target.mkdir(parents=True, exist_ok=True)
    configurations = {}
    for number, (name, changes) in enumerate(MODELS.items()):
        c = {**BASE, **changes}
        g = torch.Generator().manual_seed(1000 + number)
        draw = lambda shape: torch.randn(shape, generator=g, dtype=torch.float64)
        start = {k: 0.3 * draw(s) + (1.0 if k.endswith("gain") else 0.0) for k, s in parameter_shapes(c).items()}
        # float32 is what both sides start from; the reference then computes in float64.
        p = {k: v.float().double().requires_grad_() for k, v in start.items()}
        tokens = torch.randint(c["vocab"], (c["batch"], c["length"]), generator=g)
        targets = torch.randint(c["vocab"], (c["batch"], c["length"]), generator=g)
        if c["length"] > 2:
            targets[0, 1] = -1
        z = logits(p, tokens, c)
        value = loss(z, targets, c["smoothing"])
        optimizer = torch.optim.AdamW(
            [dict(params=[v for k, v in p.items() if v.ndim >= 2 and ".b" not in k], weight_decay=0.1),
             dict(params=[v for k, v in p.items() if v.ndim < 2 or ".b" in k], weight_decay=0.0)], lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
        value.backward()
        tensors = {f"weights.{k}": v.detach().clone() for k, v in p.items()}
        tensors.update({f"grad.{k}": v.grad.clone() for k, v in p.items()})
        optimizer.step()
        tensors.update({f"after.{k}": v.detach() for k, v in p.items()})
        tensors.update(tokens=tokens, targets=targets, logits=z.detach(), loss=value.detach().reshape(1))
        write(target / f"{name}.safetensors", tensors)
        configurations[name] = c
    (target / "models.json").write_text(json.dumps(configurations, indent=1) + "\n")


if __name__ == "__main__":
    main()
