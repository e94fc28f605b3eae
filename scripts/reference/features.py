"""Writes test/reference/features.json: log-mel features of a chirp, and a small picture at other sizes, by PyTorch.

usage: python3 scripts/reference/features.py     (needs PyTorch 1.13; the file is committed)
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F


def filters(bands, bins, highest):
    """Slaney's triangles by the search for each frequency's place between the edges."""
    step = math.log(6.4) / 27
    hertz = lambda m: m * 200 / 3 if m < 15 else 1000 * math.exp((m - 15) * step)
    top = 15 + math.log(highest / 1000) / step
    edges = [hertz(top * n / (bands + 1)) for n in range(bands + 2)]
    out = torch.zeros(bands, bins, dtype=torch.float64)
    for f in range(bins):
        at = highest * f / (bins - 1)
        for b in range(bands):
            low, peak, high = edges[b : b + 3]
            if low < at <= peak:
                out[b, f] = (at - low) / (peak - low) * 2 / (high - low)
            elif peak < at < high:
                out[b, f] = (high - at) / (high - peak) * 2 / (high - low)
    return out


def log_mel(bands, frames, length):
    n = torch.arange(length, dtype=torch.float64)
    x = 0.4 * torch.sin(2 * math.pi * n * (200 + n / 4) / 16000) + 0.05 * torch.sin(n * n * 0.37)
    x = F.pad(x.float().double(), (0, max(0, frames * 160 - length)))[: frames * 160]
    window = torch.hann_window(400, dtype=torch.float64)
    power = torch.stft(x, 400, 160, window=window, return_complex=True)[:, :-1].abs() ** 2
    z = torch.clamp(filters(bands, 201, 8000.0) @ power, min=1e-10).log10()
    return ((torch.maximum(z, z.max() - 8) + 4) / 4).tolist()


def picture(height, width):
    return [[64 + (37 * r * r + 91 * c + 13 * r * c) % 128 for c in range(width)] for r in range(height)]


def resized(height, width, to, mode):
    x = torch.tensor(picture(height, width), dtype=torch.float64)[None, None]
    return F.interpolate(x, size=to, mode=mode, align_corners=False, antialias=True)[0, 0].tolist()


cases = [(7, 5, [3, 4]), (7, 5, [11, 13]), (6, 9, [6, 4]), (9, 9, [2, 9])]
result = {
    "log_mel": [
        {"bands": bands, "frames": frames, "length": length, "values": log_mel(bands, frames, length)}
        for bands, frames, length in [(5, 6, 700), (80, 3, 2000)]
    ],
    "resize": [
        {"height": h, "width": w, "to": to, "mode": mode, "values": resized(h, w, to, mode)}
        for h, w, to in cases
        for mode in ["bilinear", "bicubic"]
    ],
}
path = pathlib.Path(__file__).resolve().parents[2] / "test" / "reference" / "features.json"
rounded = json.loads(json.dumps(result), parse_float=lambda s: round(float(s), 7))
path.write_text(json.dumps(rounded) + "\n")
