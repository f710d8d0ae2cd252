"""The report in Debian's chromium: it works, in both themes, wide and narrow; screenshots are kept.

`--screenshots DIR` keeps them there; else they are in pytest's temporary folder.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import MISSING, REMEDY, keep, started

from tricklift.paper.numbers import transfer

pytestmark = pytest.mark.skipif(MISSING, reason=REMEDY)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A chromium without a network."""
    folders = (tmp_path_factory.mktemp(name) for name in ("chromium", "downloads"))
    with started(*folders) as driver:
        yield driver


@pytest.fixture
def opened(browser: Any) -> Callable[..., Any]:
    """Opens a page with a width and a theme."""

    def open_page(file: Path, width: int = 1280, theme: str = "light") -> Any:
        wanted = {"prefers-color-scheme": theme, "prefers-reduced-motion": "reduce"}  # no sliding
        media = {"features": [{"name": name, "value": it} for name, it in wanted.items()]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get_log("browser"), browser.get_log("performance")
        browser.get(f"file://{file}")
        return browser

    return open_page


def one(driver: Any, selector: str) -> Any:
    return driver.find_element("css selector", selector)


def shown(driver: Any) -> list[str]:
    """Labels of the rows of the transfer table that are to be seen, from top to bottom."""
    rows = driver.find_elements("css selector", "#table tbody tr")
    return [row.get_attribute("data-label") for row in rows if row.is_displayed()]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_shows_and_says_nothing_wrong(opened, page, width, theme, request, tmp_path):
    driver = opened(page, width, theme)
    height, wide = driver.execute_script(
        "const it = document.documentElement; return [it.scrollHeight, it.scrollWidth]"
    )
    assert wide <= width  # what is wider scrolls by itself
    table = one(driver, "#table .scroll")
    if width > 1000:
        assert table.size["width"] >= int(table.get_attribute("scrollWidth"))
    light = driver.execute_script(
        "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0] > 127"
    )
    assert light == (theme == "light")
    pictures = driver.find_elements("css selector", "figure svg")
    assert len(pictures) >= 6
    assert all(it.size["height"] > 60 for it in pictures if it.is_displayed())
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    folder = Path(request.config.getoption("--screenshots") or tmp_path)
    assert keep(driver, folder / f"report-{width}-{theme}.png") > 50_000
    assert driver.get_log("browser") == []
    asked = [it["message"] for it in driver.get_log("performance")]
    asked = [it for it in asked if '"Network.requestWillBeSent"' in it]
    assert asked and not [it for it in asked if '"url":"http' in it]


def test_the_table_sorts(opened, page):
    driver = opened(page)
    before = shown(driver)
    assert before == ["random init", "B-standard", "D-efficient + cosine + smooth"]
    button = one(driver, "#table th:nth-child(2) button")
    assert button.text == "top-1"
    button.send_keys("\n")  # as from the keyboard
    assert shown(driver) == ["D-efficient + cosine + smooth", "B-standard", "random init"]
    assert button.find_element("xpath", "..").get_attribute("aria-sort") == "descending"
    button.click()  # what has no value stays below
    assert shown(driver) == ["B-standard", "D-efficient + cosine + smooth", "random init"]
    one(driver, "#table th:nth-child(1) button").click()
    assert shown(driver) == before
    assert driver.get_log("browser") == []


def test_the_table_filters_and_takes_another_baseline(opened, page):
    driver = opened(page)
    field = one(driver, "#table [data-filter]")
    field.send_keys("resnet18_b minI")
    assert shown(driver) == ["B-standard"]
    assert one(driver, "#table [data-status]").get_attribute("textContent") == "1 of 3 rows"
    field.clear()
    field.send_keys(" ")
    assert len(shown(driver)) == 3
    first = "#table tbody tr:nth-child(2) td:nth-child(3)"  # B-standard's mAP
    assert "31.44" not in one(driver, first).text
    one(driver, "#table [data-baseline] option[value='0']").click()
    assert "▲ +31.44" in one(driver, first).text
    notes = driver.find_elements("css selector", "#table .note[data-against]")
    assert [it.text.split(".")[0] for it in notes if it.is_displayed()] == ["Over random init"]
    assert "paper" not in one(driver, first).text
    one(driver, "#table [data-paper]").click()
    assert f"paper {transfer('B-standard')['voc_map']:.2f}" in one(driver, first).text
    assert driver.get_log("browser") == []


def test_the_keyboard_reaches_all_and_what_it_reaches_is_seen(opened, ladder_page):
    """From the top to the bottom and back; nothing is below the bar that stays on top."""
    driver = opened(ladder_page, 1280)
    for_all = driver.execute_script(
        "return [...document.querySelectorAll('button, a[href], select, input, summary')]"
        ".filter((it) => it.checkVisibility()).length"
    )
    bar = one(driver, "nav").size["height"]
    where = """const it = document.activeElement, box = it.getBoundingClientRect();
      return it === document.body ? null : [it.outerHTML.slice(0, 80), box.bottom, box.height,
        it.closest("nav, .skip") !== null]"""
    for key, least in (("\ue004", for_all), ("\ue008\ue004", for_all - 5)):  # tab; shift and tab
        reached = 0
        for _ in range(2 * for_all):
            driver.switch_to.active_element.send_keys(key)
            seen = driver.execute_script(where)
            if seen is None:
                break
            reached += 1
            what, bottom, height, fixed = seen
            assert fixed or height > 400 or bottom - height >= bar - 1, what
        assert reached >= least * 0.8, (reached, for_all)


@pytest.mark.parametrize("width", [1280, 390])
def test_only_what_scrolls_sideways_is_a_stop_of_the_keyboard(opened, ladder_page, width):
    driver = opened(ladder_page, width)
    boxes = driver.execute_async_script(
        """const say = arguments[0], of = () => [...document.querySelectorAll(".drawing, .scroll")]
          .filter((it) => it.checkVisibility())
          .map((it) => [it.scrollWidth > it.clientWidth, it.tabIndex, it.ariaLabel]);
        requestAnimationFrame(() => setTimeout(() => say(of()), 200))"""
    )
    assert len(boxes) > 6
    assert [it for it in boxes if it[1] != (0 if it[0] else -1)] == []
    assert any(wide for wide, *_ in boxes) == (width < 1000)


def test_the_theme_can_be_changed(opened, page):
    driver = opened(page)
    colour = "return getComputedStyle(document.body).backgroundColor"
    line = "return getComputedStyle(document.querySelector('#levels-demo-0 text')).fill"
    before = driver.execute_script(colour), driver.execute_script(line)
    one(driver, "#theme").click()
    after = driver.execute_script(colour), driver.execute_script(line)
    assert before[0] != after[0] and before[1] != after[1]
    one(driver, "#theme").click()
    assert (driver.execute_script(colour), driver.execute_script(line)) == before


def test_figures_and_data_can_be_saved(opened, page):
    driver = opened(page)
    driver.execute_script("document.querySelector('[data-save=\"pipeline.svg\"]').click()")
    driver.execute_script("document.querySelector('a[download=\"cost.csv\"]').click()")
    files = [driver.downloads / name for name in ("pipeline.svg", "cost.csv")]
    end = time.monotonic() + 20
    while not all(file.is_file() and file.stat().st_size for file in files):
        assert time.monotonic() < end, list(driver.downloads.iterdir())
        time.sleep(0.1)
    assert files[0].read_text().startswith("<svg")
    assert files[1].read_text().startswith("row,task,runs,wall_hours")
    assert driver.get_log("browser") == []


def test_names_of_rows_do_nothing(opened, evil_page, evil):
    driver = opened(evil_page)
    assert evil in shown(driver)
    assert driver.get_log("browser") == []
