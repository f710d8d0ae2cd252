import torch

from cls.preprocessor import ClsPreprocessor, random_flip


def batch(n=4):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 3, 8, 10), dtype=torch.uint8, generator=generator)
    return {"inputs": images, "labels": torch.arange(n)}


def test_each_image_is_flipped_or_not():
    torch.manual_seed(0)
    images = batch(64)["inputs"].float()
    out = random_flip(images, 0.5)
    kept = (out == images).flatten(1).all(1)
    turned = (out == images.flip(3)).flatten(1).all(1)
    assert (kept ^ turned).all()
    assert 16 < turned.sum() < 48  # binomial(64, 0.5): 4 standard deviations


def test_augments_in_training_alone():
    preprocess = ClsPreprocessor(jitter={}, channels_last=True)
    once, again = preprocess(batch())["inputs"], preprocess(batch())["inputs"]
    assert torch.equal(once, again)
    assert not torch.equal(preprocess(batch(), training=True)["inputs"], once)
    assert once.dtype == torch.float32
    assert once.is_contiguous(memory_format=torch.channels_last)


def test_colours_keep_their_precision_under_autocast():
    preprocess = ClsPreprocessor(flip=0.0, jitter=dict(pca=0.0, strength=0.0))
    plain = preprocess(batch())["inputs"]
    with torch.autocast("cpu", torch.bfloat16):
        out = preprocess(batch(), training=True)["inputs"]
    torch.testing.assert_close(out, plain, rtol=0, atol=1e-4)
