"""The parts of the page to look at: answers of two rows, runs, curves; as HTML and in chromium.

Row i of `left_runs` is right on the images 0 to i, so that rows 0 and 2 differ on images 1 and 2.
"""

import csv
import io
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from chromium import MISSING, REMEDY, keep, saved, started
from left_runs import FOLDERS, images, left, study

from tricklift.errors import UserError
from tricklift.records import predictions
from tricklift.report import answers as rows
from tricklift.report.page import write
from tricklift.report.sections import curves, runs
from tricklift.report.sections import predictions as look
from tricklift.report.study import read

TASKS = tuple(FOLDERS)


@pytest.fixture(scope="module")
def folder(tiny_root, tmp_path_factory, evil):
    """Three rows of each task; the second one's name is HTML."""
    return study(tmp_path_factory.mktemp("look"), tiny_root, ["plain", evil, "best"])


@pytest.fixture(scope="module")
def page(folder):
    """Their page."""
    return write(read(folder), folder / "report.html")


@pytest.fixture(scope="module")
def found(folder):
    """Task -> the answers of all rows."""
    told, missing = rows.of_study(read(folder))
    assert not missing
    return {it.task: it for it in told}


@pytest.mark.parametrize("task", TASKS)
def test_rows_differ_where_one_is_right(found, task, tiny_root, evil):
    answers = found[task]
    assert answers.pair == ("plain", "best")  # the baseline, and the best metric
    names = images(tiny_root, task, 4)
    values = rows.differences(answers)
    assert values["plain", "best"] == dict(zip(names, [0, 1, 1, 0], strict=True))
    assert values["plain", evil] == dict(zip(names, [0, 1, 0, 0], strict=True))
    assert values[evil, "best"] == dict(zip(names, [0, 0, 1, 0], strict=True))


def test_the_first_pair_has_the_first_choice():
    first = {("a", "b"): {"1": 0.1, "2": 0.9, "3": 0.5, "4": 0.0}}
    others = {("a", "c"): {"1": 0.0, "2": 0.0, "3": 0.0, "4": 0.7}}
    assert rows.chosen({**first, **others}, ("a", "b"), 2) == ["2", "3", "4"]
    assert rows.chosen({**first, **others}, ("b", "a"), 1) == ["2", "4"]


def test_rows_of_other_data_and_without_answers_are_left_out_by_name(folder, tiny_root, tmp_path):
    out = study(tmp_path, tiny_root, ["plain", "best"])
    (left(out, tiny_root, "det", "bare", 2) / "predictions.json.gz").unlink()
    left(out, tiny_root, "det", "elsewhere", 3, data={"digest": "other"})
    (left(out, tiny_root, "det", "broken", 4) / "predictions.json.gz").write_bytes(b"\x1f\x8b")
    told, _ = rows.of_study(read(out))
    detection = next(it for it in told if it.task == "det")
    assert list(detection.said) == ["plain", "best"]
    lines = " ".join(detection.left_out)
    assert re.search("bare: .*no predictions.json.gz", lines)
    assert re.search("elsewhere: it read other data", lines)
    assert re.search("broken: .*is no file of predictions", lines)


def test_rows_that_answered_other_images_are_left_out(tiny_root, tmp_path):
    """Of another split, or of another folder with files of the same names."""
    out = study(tmp_path, tiny_root, ["plain", "best", "tested", "moved"])
    rewrite(out / "det/row2/seed0", split="test")
    rewrite(out / "det/row3/seed0", folder="miniworld/elsewhere")
    told, _ = rows.of_study(read(out))
    detection = next(it for it in told if it.task == "det")
    assert list(detection.said) == ["plain", "best"]
    lines = " ".join(detection.left_out)
    assert re.search("tested: it answered other images.*test", lines)
    assert re.search("moved: it answered other images.*miniworld/elsewhere", lines)


def test_rows_without_a_common_image_do_not_answer_alike(tiny_root, tmp_path):
    out = study(tmp_path, tiny_root, ["plain", "best"])
    held = predictions.read(out / "det/row1/seed0").images
    rewrite(out / "det/row1/seed0", images=[{**it, "name": f"b/{it['name']}"} for it in held])
    body = look.section(read(out)).body
    assert "Nothing is compared" in body and "answer alike" not in body


def rewrite(work_dir: Path, **changes) -> None:
    """Changes the predictions in a work dir."""
    held = replace(predictions.read(work_dir), **changes)
    (work_dir / "predictions.json.gz").unlink()
    predictions.write(work_dir, held)


def test_the_page_shows_pictures_and_values(page, folder, tiny_root):
    section = look.section(read(folder))
    for task in TASKS:
        body = section.body.split(f'id="look-mini-{task}"')[1].split("</ol>")[0]
        assert body.count("data:image/webp;base64,") == 2  # images 1 and 2, each once
        assert body.count('<li class="look">') == 2
    table = list(csv.DictReader(io.StringIO(section.downloads[0].text)))
    second = images(tiny_root, "det", 4)[1]
    values = [float(it["value"]) for it in table if it["image"] == second]
    assert values == [0, 1, 1]  # F1 of the three rows
    assert page.stat().st_size < 400_000


def test_a_part_is_bounded_however_many_rows_there_are(folder, monkeypatch):
    whole = look.section(read(folder)).body
    monkeypatch.setattr(look, "MOST_LETTERS", 1)
    bounded = look.section(read(folder)).body
    assert whole.count('<li class="look">') == 6 and bounded.count('<li class="look">') == 3


def test_no_pictures_are_asked_for(folder):
    study = read(folder, pictures=0)
    assert look.section(study) is None


def test_data_that_are_gone_are_named(folder, tiny_root, tmp_path, monkeypatch):
    out = study(tmp_path / "runs", tiny_root, ["plain", "best"])
    for file in out.rglob("predictions.json.gz"):
        rewrite(file.parent, root="/gone")
    body = look.section(read(out)).body
    assert "data:image/webp" not in body and "TRICKLIFT_ROOT" in body
    assert "/gone/miniworld/imagenet/val" in body
    monkeypatch.setenv("TRICKLIFT_ROOT", str(tiny_root))  # the remedy
    assert "data:image/webp" in look.section(read(out)).body


def test_names_are_text(page, evil):
    text = page.read_text()
    assert "<script>alert" not in text and "class <0>" not in text
    assert evil in unescape(text) and "class <0>" in unescape(text)


def test_a_damaged_file_is_refused_with_the_remedy(tmp_path):
    assert predictions.read(tmp_path) is None
    (tmp_path / "predictions.json.gz").write_bytes(b"x")
    with pytest.raises(UserError, match=r"predictions\.json\.gz.*tricklift test"):
        predictions.read(tmp_path)


def test_runs_without_files_have_no_pages(folder):
    study = read(folder)
    assert runs.section(study).body.count("<details") == 9
    assert curves.section(study).body.count("<figure") == 3


@pytest.fixture(scope="module")
def driver(page, tmp_path_factory):
    """A chromium that has the page open."""
    if MISSING:
        pytest.skip(REMEDY)
    with started(*(tmp_path_factory.mktemp(name) for name in ("profile", "downloads"))) as driver:
        size = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.get(f"file://{page}")
        yield driver


def shown(driver, part):
    """The visible cards of a part: image, and the visible rows beside it in their order."""
    return driver.execute_script(
        """const seen = (it) => it.offsetParent !== null;
        return [...document.querySelectorAll(arguments[0] + ' .look')].filter(seen).map((card) =>
          [card.querySelector('.file').textContent, ...[...card.querySelectorAll('.panel')]
            .filter(seen).sort((a, b) => a.style.order - b.style.order)
            .map((panel) => panel.querySelector('.who').textContent)]);""",
        part,
    )


@pytest.mark.parametrize("task", TASKS)
def test_a_select_changes_the_rows(driver, task, tiny_root, evil, request, tmp_path):
    _, second, third, _ = images(tiny_root, task, 4)
    part = f".of-{task}"
    assert sorted(shown(driver, part)) == sorted(
        [[second, "Truth", "plain", "best"], [third, "Truth", "plain", "best"]]
    )
    folder = Path(request.config.getoption("--screenshots") or tmp_path)
    instantly = "{behavior: 'instant', block: 'center'}"
    script = f"document.querySelector(arguments[0]).scrollIntoView({instantly})"
    driver.execute_script(script, f"{part} .look")
    assert keep(driver, folder / f"look-{task}.png") > 10_000
    choose(driver, part, 0, 2)
    choose(driver, part, 1, 1)
    assert shown(driver, part) == [[third, "Truth", "best", evil]]
    choose(driver, part, 0, 0)
    assert shown(driver, part) == [[second, "Truth", "plain", evil]]
    choose(driver, part, 1, 0)
    assert shown(driver, part) == []
    assert "choose another" in driver.find_element("css selector", f"{part} .pair").text
    assert driver.get_log("browser") == []


def choose(driver, part, side, row):
    """From the keyboard."""
    select = driver.find_element("css selector", f"{part} [data-side='{side}']")
    keys = {0: "\ue011", 2: "\ue010", 1: "\ue011\ue015"}[row]  # home, end, home and down
    select.send_keys(keys)


def test_pictures_are_decoded(driver):
    """Each used picture is one that the browser can draw."""
    sizes = driver.execute_async_script(
        """const done = arguments[0];
        const found = [...document.querySelectorAll('.looks image')];
        Promise.all(found.map(async (it) => {
          const picture = new Image();
          picture.src = it.href.baseVal;
          await picture.decode();
          return picture.naturalWidth;
        })).then(done);"""
    )
    assert len(sizes) >= 6 and min(sizes) >= 64
    uses = driver.execute_script(
        "return [...document.querySelectorAll('.looks use')].every((it) => "
        "document.querySelector(it.href.baseVal))"
    )
    assert uses


def test_a_run_opens_its_page(driver, evil):
    driver.execute_script("location.hash = '#run-det-row2-seed0'")
    run = driver.find_element("css selector", "#run-det-row2-seed0")
    driver.implicitly_wait(10)
    run.find_element("css selector", ".inside figure svg")
    driver.implicitly_wait(0)
    text = run.get_attribute("textContent")
    assert "model.backbone.width" in text and "line 99 <i>" in text and "line 59" not in text
    assert "note='</script><b>'" in text  # of the config
    assert not run.find_elements("css selector", ".inside b, .inside i")
    button = run.find_element("css selector", ".inside button:nth-of-type(2)")
    driver.execute_script("arguments[0].click()", button)
    find = driver.find_element("css selector", "[data-find]")
    find.send_keys("best detection")
    names = [it for it in driver.find_elements("css selector", ".run") if it.is_displayed()]
    assert [it.get_attribute("id") for it in names] == ["run-det-row2-seed0"]
    assert driver.get_log("browser") == []
    assert saved(driver, "run-det-row2-seed0.csv").startswith('curve,iteration,value\n"loss",1,2\n')
