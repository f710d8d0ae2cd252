"""Debian's chromium without a network, for pages."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = not (CHROMIUM and DRIVER)
REMEDY = "no chromium: apt-get install chromium chromium-driver"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--proxy-server=127.0.0.1:9"),  # nothing answers there
)


@contextmanager
def started(profile: Path, downloads: Path) -> Iterator[Any]:
    """A driver with a new profile; files that pages save land in `downloads`."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.downloads = downloads
    allowed = {"behavior": "allow", "downloadPath": str(downloads)}
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", allowed)
    try:
        yield driver
    finally:
        driver.quit()


def keep(driver: Any, picture: Path) -> int:
    """Writes a screenshot; its size in bytes."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    assert driver.save_screenshot(str(picture))
    return picture.stat().st_size


def saved(driver: Any, name: str, seconds: float = 20) -> str:
    """What a page saved as a file, once it is there.

    Raises:
        AssertionError: It is not there in time.
    """
    file, end = driver.downloads / name, time.monotonic() + seconds
    while not (file.is_file() and file.stat().st_size):
        assert time.monotonic() < end, list(driver.downloads.iterdir())
        time.sleep(0.1)
    return file.read_text()
