"""Options that are lists: what is read of them."""

from tricklift.cli.options import names_in, numbers_in


def test_names_and_numbers_of_a_list():
    assert names_in("--tricks", "ema, mixup") == ["ema", "mixup"]
    assert names_in("--tricks", None) == []
    assert numbers_in("--seeds", "0, 2,1") == [0, 2, 1]
    assert numbers_in("--seeds", None) is None
