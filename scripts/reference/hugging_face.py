"""Writes test/reference/tokenizers.json: small files of Hugging Face's tokenizers of each kind, with texts, their ids, and what those decode to.

usage: python3 scripts/reference/hugging_face.py     (needs tokenizers 0.23; the file is committed)
"""
import json
import os

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TALES = open(os.path.join(ROOT, "examples", "data", "tales.txt"), encoding="utf8").read()

TEXTS = [
    "The old miller's daughter walked to the river.",
    "  two  spaces, a\ttab\n\nand 1234 numbers ",
    "Größe, naïve café, Ελληνικά, 日本語, 🙂👩‍👩‍👧",
    "don't they'll I'm WE'RE 'tis ''quoted''",
    "",
    "x",
]


def byte_level(size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=0,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TALES], trainer)
    return tokenizer


def gpt2():
    tokenizer = byte_level(320)
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", special=True, normalized=False)])
    return tokenizer


def bert():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=160, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator([TALES], trainer)
    return tokenizer


def llama():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=specials, show_progress=False, max_token_length=8)
    tokenizer.train_from_iterator(TALES.split("\n")[:200], trainer)
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = file["added_tokens"][:3]
    return Tokenizer.from_str(json.dumps(file))


def t5():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    specials = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=160, special_tokens=specials, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(TALES.split("\n")[:200], trainer)
    return tokenizer


def case(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)}


def main():
    kinds = {"gpt2": gpt2(), "bert": bert(), "llama": llama(), "t5": t5()}
    marked = {"gpt2": "one<|endoftext|>two", "bert": "the [MASK] sat", "llama": "<s>a b</s>", "t5": "a tale</s>"}
    files = {
        name: {
            "file": json.loads(tokenizer.to_str()),
            "cases": [case(tokenizer, text) for text in [*TEXTS, marked[name]]],
        }
        for name, tokenizer in kinds.items()
    }
    merges = json.loads(byte_level(656).to_str())["model"]["merges"]
    path = os.path.join(ROOT, "test", "reference", "tokenizers.json")
    with open(path, "w", encoding="utf8") as out:
        json.dump({"merges": merges, "files": files}, out, ensure_ascii=False, indent=None, separators=(",", ":"))
        out.write("\n")


main()
