"""Networks of timm at sizes that they were not made for: their maps follow, or they are refused."""

import pytest
import timm
import torch

import backbones
from backbones import naming
from backbones.timm_sizes import takes

#: Network -> timm's option that it needs, and what its images are multiples of.
FLEXIBLE = {
    "convnext_atto": (None, 1),
    "pvt_v2_b0": (None, 1),
    "swin_tiny_patch4_window7_224": ("dynamic_img_size", 32),
    "dla34": (None, 32),
}
SLOW = {
    "davit_tiny": (None, 1),
    "efficientvit_m0": (None, 1),  # timm says that its size is fixed
    "swinv2_cr_tiny_224": ("dynamic_img_size", 1),
    "swin_s3_tiny_224": ("dynamic_img_size", 32),
    "swinv2_tiny_window8_256": ("dynamic_img_size", 32),
    "lambda_resnet26t": (None, 32),
}
FIXED = (
    *("hiera_tiny_224", "maxvit_nano_rw_256", "coatnet_nano_rw_224", "gcvit_xxtiny", "nest_tiny"),
    *("coat_tiny", "halonet26t", "botnet26t_256", "visformer_tiny", "pit_ti_224", "cait_xxs24_224"),
)
SIZES = ((161, 97), (160, 352))


@pytest.mark.parametrize(
    "network", [*FLEXIBLE, *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)]
)
def test_maps_follow_images_of_any_size(network):
    option, multiple = (FLEXIBLE | SLOW)[network]
    create = backbones.timm_models.create
    assert takes(create, network) == ({option: True} if option else {}, multiple)
    with torch.device("meta"):
        model = backbones.build(f"timm/{network}", 5).eval()
    for sides in SIZES:
        images = torch.empty(2, 3, *sides, device="meta")
        strides, channels = model.feature_info.strides, model.feature_info.channels
        maps = [tuple(f.shape[1:]) for f in model.forward_features(images)]
        for (depth, *found), stride, wide in zip(maps, strides, channels, strict=True):
            assert depth == wide
            assert all(
                s // stride <= f <= -(-s // stride) for f, s in zip(found, sides, strict=True)
            )
        assert model(images).shape == (2, 5)


@pytest.mark.parametrize("network", FIXED)
def test_one_size_alone_is_refused_by_name(network):
    side = timm.get_pretrained_cfg(network).input_size[-1]
    words = rf"timm/{network} takes images of {side}x{side} pixels alone, .*choose another network"
    with torch.device("meta"), pytest.raises(ValueError, match=words):
        backbones.build(f"timm/{network}", 5)


def test_at_its_own_size_a_flexible_network_is_timms(randomise):
    """The options change no weight, and nothing at the size that timm has it for."""
    name = "swin_tiny_patch4_window7_224"
    theirs = randomise(timm.create_model(name, num_classes=5, depths=(1, 1, 2, 1)))
    whole = backbones.timm_whole.whole(
        timm.create_model(name, num_classes=5, depths=(1, 1, 2, 1), **takes_of(name)), 32, 32
    ).eval()
    known = naming.library_naming(f"timm/{name}", "timm")
    whole.load_state_dict(known.from_library(theirs.state_dict()))
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(whole(images), theirs(images))
        found = whole.forward_features(images)
        wanted = theirs.forward_intermediates(images, intermediates_only=True)
    for ours, map_ in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, map_)


def takes_of(name):
    return takes(backbones.timm_models.create, name)[0]


def test_what_is_filled_up_is_cut_off_again(randomise):
    """Of an image with zeros on its right, a network that needs multiples gives the same maps."""
    torch.manual_seed(0)
    model = randomise(backbones.build("timm/dla34", 5))
    assert model.multiple == 32
    images = torch.zeros(1, 3, 64, 96)
    images[:, :, :, :75] = torch.randn(1, 3, 64, 75)
    with torch.no_grad():
        full, cut = model.forward_features(images), model.forward_features(images[..., :75])
    assert [tuple(f.shape[2:]) for f in cut] == [(16, 19), (8, 10), (4, 5), (2, 3)]
    for a, b in zip(full, cut, strict=True):
        assert torch.equal(a[..., : b.shape[3]], b)
