# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium for tests. The keeper of realms starts its driver, so nothing of it outlives the test."""
from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from realm.process import Keeper

PACKAGES = "python3-selenium, chromium and chromium-driver (ci/install-packages browser)"


def why_not() -> str:
    """Why there is no browser here; empty when there is one."""
    try:
        import selenium.webdriver  # noqa: F401
    except ImportError:
        return f"selenium is not installed: {PACKAGES}"
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"no {' and no '.join(missing)} here: {PACKAGES}" if missing else ""


@contextmanager
def chromium(folder: Path) -> Iterator[Any]:
    """A selenium driver whose profile is in `folder`; its messages are in `driver.get_log("browser")`."""
    from selenium import webdriver

    log = folder / "chromedriver.log"
    keeper = Keeper(folder)
    try:
        keeper.start("chromedriver", [str(shutil.which("chromedriver")), "--port=0"],
                     {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder)}, folder, log, b"was started successfully on port")
        keeper.wait_ready("chromedriver", 60)
        port = re.search(r"successfully on port ([0-9]+)", log.read_text())
        assert port is not None
        options = webdriver.ChromeOptions()
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
                     "--window-size=1400,1000", f"--user-data-dir={folder / 'profile'}"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Remote(f"http://127.0.0.1:{port[1]}", options=options)
        try:
            yield driver
        finally:
            driver.quit()
    finally:
        keeper.close()
