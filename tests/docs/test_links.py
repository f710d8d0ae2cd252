"""Links between pages lead somewhere, in the repository as on the site, and the site builds."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import chromium
import pytest

REPO = Path(__file__).parents[2]
PAGES = [*sorted(REPO.glob("*.md")), *sorted((REPO / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """What its headings can be called by in an address."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_links_lead_somewhere(page: Path):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    for target in LINK.findall(re.sub(r"`[^`]*`", "", text)):
        path, _, anchor = target.partition("#")
        if "://" in path or path.startswith("mailto:"):
            continue
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly."""
    pytest.importorskip("mkdocs", reason="pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    ran = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return folder


def test_the_site_fetches_nothing_from_elsewhere(site: Path):
    for page in ("get-started.html", "results/small.html"):
        fetched = re.findall(
            r'(?:src|<link [^>]*href)="(https?://[^"]+)"', (site / page).read_text("utf-8")
        )
        assert fetched == []


def test_the_changelog_is_a_page_of_it(site: Path):
    assert 'href="fidelity.html"' in (site / "changelog.html").read_text("utf-8")


# A browser is a program of the system, which pip does not install; .ci/run does.
@pytest.mark.skipif(chromium.MISSING, reason=chromium.REMEDY)
def test_it_can_be_searched_and_read_from_files(site: Path, tmp_path: Path):
    """In a window of 1280 px; the widest table is whole."""
    with chromium.started(tmp_path / "profile", tmp_path) as driver:
        driver.set_window_size(1280, 900)
        driver.get((site / "results" / "small.html").as_uri())
        table, room = (
            driver.find_element("css selector", name).size["width"]
            for name in (".md-typeset table", ".md-content__inner")
        )
        assert table <= room
        driver.find_element("css selector", "input.md-search__input").send_keys("smoothing")
        end = time.monotonic() + 20
        while not driver.find_elements("css selector", "a.md-search-result__link"):
            assert time.monotonic() < end, "nothing was found"
            time.sleep(0.1)
