"""Every layout is known for what it is, with the same pictures, classes and splits."""

import pytest
from own_data import LAYOUTS

from tricklift.own.layouts import find
from tricklift.own.parts import SHARE, by_seed
from tricklift.own.report import report, to_text


@pytest.fixture
def read(kept, tmp_path):
    def run(layout, **options):
        return report(find(kept(layout), **options), tmp_path)

    return run


def test_it_is_read_whole_and_without_a_fault(read, layout):
    found = read(layout)
    names = {"det": {"cat", "dog"}, "cls": {"cat", "dog"}, "seg": {"ground", "cat", "dog"}}
    assert not found.wrong and not found.shared
    drawn = "drawn by seed" in found.train.told
    classes = 2 if found.layout.task == "cls" else 1  # each of them is drawn from
    kept = classes * round(SHARE * 16 / classes) if drawn else 4
    assert (found.train.images, found.val.images) == (16 - kept, kept)
    assert set(found.layout.classes) == names[found.layout.task]
    assert all(found.layout.counts[name] for name in found.layout.classes)
    assert found.train.middle() == (96, 80)
    assert "nothing that a training would refuse" in to_text(found)


def test_the_task_is_seen(kept, layout):
    assert find(kept(layout)).task == LAYOUTS[layout][0]


def test_boxes_are_in_the_files_own_classes_whatever_the_ids(read):
    from tricklift.own.report import build, reader_settings

    found = read("COCO")
    assert found.layout.classes == ("dog", "cat")  # by the ids; the unused one is none
    layout = found.layout
    data = build(reader_settings(layout, layout.train, None, "train"), "det")
    boxes = data.get_data_info(0)["instances"]
    # x, y, width, height, of category 7 (cat) and 3 (dog); fractions stay
    assert [b["bbox"] for b in boxes] == [[5.5, 5, 40.75, 70], [50, 5, 85.25, 70]]
    assert [b["bbox_label"] for b in boxes] == [1, 0]


def test_some_classes_alone(kept, tmp_path):
    for layout in ("VOC", "COCO", "class folders, split", "class folders"):
        found = report(find(kept(layout), classes=("cat",)), tmp_path / layout)
        assert found.layout.classes == ("cat",) and not found.wrong
        text = to_text(found)
        assert "other classes left out" in text
        if found.layout.task == "det":
            assert "12 x object of class 'dog', which is not asked for, skipped" in text
    with pytest.raises(ValueError, match=r"no boxes of class 'cow'; there are cat, dog"):
        find(kept("VOC"), classes=("cow",))
    with pytest.raises(ValueError, match=r"no class 'cow'; there are cat, dog"):
        find(kept("class folders"), classes=("cow",))


@pytest.mark.parametrize(
    ("task", "words"),
    [(None, "does not look like data that tricklift knows"), ("det", "data for det; expected")],
)
def test_what_is_no_data_says_what_is_expected(tmp_path, task, words):
    (tmp_path / "notes").mkdir()
    with pytest.raises(ValueError, match=rf"(?s){words}.*VOC.*COCO.*images and masks"):
        find(tmp_path, task)
    with pytest.raises(FileNotFoundError, match=r"no folder '.*gone'; correct the path"):
        find(tmp_path / "gone", task)


def test_a_folder_with_two_kinds_of_data_is_asked_about(own):
    root = own("VOC")
    LAYOUTS["ADE20K"][1](root)
    with pytest.raises(ValueError, match=r"data for det and seg; say which by --task det\|seg"):
        find(root)
    assert find(root, "seg").task == "seg"


def test_a_drawn_split_is_stable():
    names = [f"{number}.jpg" for number in range(500)]
    train, val = by_seed(names)
    assert sorted(train + val) == sorted(names) and len(val) == SHARE * len(names)
    assert by_seed(names[::-1])[1] == val[::-1]
    assert by_seed(names, seed=1)[1] != val
    more = by_seed([*names, *(f"new{n}.jpg" for n in range(50))])[1]
    assert len(set(val) & set(more)) > 0.85 * len(val)  # few move when others are added
    assert by_seed(["a"]) == (["a"], []) and by_seed([]) == ([], [])
    assert [len(part) for part in by_seed(["a", "b"])] == [1, 1]


def test_masks_that_could_be_either_are_asked_about(own):
    root = own("Cityscapes")
    for path in list((root / "gtFine").rglob("*_labelIds.png")):
        path.rename(path.with_name(path.name.replace("labelIds", "fine")))
    with pytest.raises(ValueError, match=r"which mask belongs to .*leftImg8bit.png\? there are "):
        find(root)


def test_names_of_one_class_fewer_mean_that_zero_is_other(own):
    root = own("ADE20K")
    (root / "classes.txt").write_text("cat\ndog\n")
    layout = find(root)
    assert layout.settings["reduce_zero_label"] and layout.classes == ("cat", "dog")
    (root / "classes.txt").unlink()
    layout = find(root)
    assert not layout.settings["reduce_zero_label"]
    assert layout.classes == ("class 0", "class 1", "class 2")
    assert "classes.txt, one a line" in layout.notes[0]
