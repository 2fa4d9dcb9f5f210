# SPDX-License-Identifier: Apache-2.0
"""The HTML page in a headless Chromium, as its readers use it: mouse, keyboard, links, hostile text, 10,000 cases."""
from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import browser
import pytest
import small_project
import support

from sspi_conform import cli
from sspi_conform.captures import Captures
from sspi_conform.commands import run as run_command
from sspi_conform.model import Case, Difference, Result, Trace, Verdict
from sspi_conform.play.observed import Observed
from sspi_conform.report.page import Section, write_page
from sspi_conform.report.run_cases import Cases

pytestmark = pytest.mark.skipif(bool(browser.why_not()), reason=browser.why_not() or "-")
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
STATUS = """\
  fact.status:
    fact: There is such a status.
    confidence: documented
    citations: ['doc: page five']
    kind: status
    name: SEC_E_OK
"""
THIS = "bind[mechanism=NTLM,acceptor=this]"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser.chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run in which one case fails, with hostile text in its token and its values."""
    root = small_project.make(tmp_path_factory.mktemp("project"), sources=small_project.SOURCES + STATUS)
    (root / "build").mkdir()
    for name in ("libmine.so", "sspi-probe"):
        (root / "build" / name).write_bytes(b"")
    found = cli.parser().parse_args(["--root", str(root), "run", "--impl", "mine", "--report", str(root / "report")])
    found.root = root.resolve()
    assert run_command.run(found, _engine) == 1
    return root / "report" / "index.html"


def _engine(cases: Sequence[Case], options: Any, ready: Callable[[Any], None]) -> Iterator[tuple[Case, Trace]]:
    ready(None)
    for case in cases:
        observed = Observed()
        observed.update({"initiator.acquire.status": "SEC_E_OK", "initiator.leg.1.status": "SEC_I_CONTINUE_NEEDED",
                         "initiator.leg.1.token": "NTLM NEGOTIATE", "initiator.legs": 1,
                         "acceptor.leg.1.status": HOSTILE if case.id == THIS else "SEC_E_OK", "acceptor.leg.1.token": "none",
                         "acceptor.legs": 1, "established": True})
        observed.tokens["initiator.leg.1.token"] = _negotiate(HOSTILE).hex()
        yield case, Trace(observed=observed, seconds=0.001)


def _negotiate(domain: str) -> bytes:
    """An NTLM NEGOTIATE (MS-NLMP 2.2.1.1) that says its domain."""
    name = domain.encode()
    return b"NTLMSSP\0" + struct.pack("<IIHHIHHI", 1, 0x1207, len(name), len(name), 32, 0, 0, 0) + name


def load(driver: Any, path: Path, address: str = "") -> None:
    assert path.is_file()
    driver.get("about:blank")  # otherwise only the fragment changes
    driver.get_log("browser")
    driver.get(path.as_uri() + address)
    settled(driver)


def settled(driver: Any) -> None:
    """Wait until the chosen case stands there."""
    support.wait_for(lambda: driver.execute_script("return document.querySelector('.detail .case *, .list .empty') !== null"))


def text(driver: Any, selector: str) -> str:
    return str(driver.execute_script("return document.querySelector(arguments[0]).textContent", selector))


def clean(driver: Any) -> None:
    """No error, no violation of the policy, nothing loaded, nothing hostile run."""
    assert driver.get_log("browser") == []
    assert driver.execute_script("return window.hacked === undefined")
    assert driver.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)") == []


def keys(driver: Any, *words: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(*words).perform()


def shown(driver: Any) -> list[str]:
    return list(driver.execute_script("return [...document.querySelectorAll('.row .id')].map((one) => one.textContent)"))


def focused(driver: Any) -> str:
    return str(driver.execute_script("return document.activeElement.id || document.activeElement.className"))


def test_loads_and_shows_the_failure_first(chromium: Any, page: Path) -> None:
    load(chromium, page)
    assert text(chromium, ".subtitle") == "exit 1: the implementation differs from Windows in 1 case"
    assert shown(chromium)[0] == THIS and len(shown(chromium)) == 5
    assert text(chromium, ".case-id").startswith(THIS)
    assert text(chromium, ".detail .compare .differs mark") == "SEC_E_OK"
    assert f"run '{THIS}' --impl mine" in text(chromium, ".detail .command code")
    clean(chromium)


def test_filters_are_kept_in_the_address(chromium: Any, page: Path) -> None:
    load(chromium, page)
    for facet, value, count in (("mechanism", "Kerberos", 2), ("side", "initiator", 1), ("status", HOSTILE, 1), ("fact", "fact.seen", 1)):
        chromium.execute_script(
            "const one = document.querySelector(`[data-facet=${arguments[0]}]`); one.value = arguments[1];"
            "one.dispatchEvent(new Event('change'))", facet, value)
        assert len(shown(chromium)) == count, facet
        address = chromium.execute_script("return location.hash")
        load(chromium, page, address)
        assert len(shown(chromium)) == count and text(chromium, ".count").startswith(f"{count} of 5")
        chromium.execute_script("document.querySelector('.reset').click()")
        assert len(shown(chromium)) == 5
    chromium.execute_script("document.querySelector('[data-verdict=FAIL]').click()")
    assert shown(chromium) == [THIS] and "verdict=FAIL" in chromium.execute_script("return location.hash")
    clean(chromium)


def test_search_looks_into_names_and_differences(chromium: Any, page: Path) -> None:
    load(chromium, page)
    keys(chromium, "/")
    assert focused(chromium) == "search"
    keys(chromium, "First MESSAGE")  # of the title, all words, any case
    assert shown(chromium) == ["alone"]
    load(chromium, page, "#q=hacked")
    assert shown(chromium) == [THIS]
    load(chromium, page, "#q=nowhere")
    assert shown(chromium) == [] and "No case is like that" in text(chromium, ".list")


@pytest.mark.parametrize("address", [f"#{THIS}", f"#{quote(THIS, safe='')}", f"#case={quote(THIS, safe='')}"])
def test_a_link_opens_its_case(chromium: Any, page: Path, address: str) -> None:
    load(chromium, page, address)
    assert text(chromium, ".case-id").startswith(THIS)
    assert text(chromium, ".row.chosen .id") == THIS


def test_a_link_that_changes_is_followed(chromium: Any, page: Path) -> None:
    load(chromium, page)
    chromium.execute_script("location.hash = '#case=alone&mechanism=NTLM'")
    support.wait_for(lambda: text(chromium, ".case-id").startswith("alone"))
    assert len(shown(chromium)) == 3


def test_token_tree_opens_on_click(chromium: Any, page: Path) -> None:
    load(chromium, page, f"#{quote(THIS)}")
    assert chromium.execute_script("return document.querySelector('.detail .token').hidden")
    chromium.execute_script("document.querySelector('.detail button.arrow').click()")
    assert HOSTILE in text(chromium, ".detail .token .tree")
    assert "NTLMSSP_NEGOTIATE_NTLM" in text(chromium, ".detail .token .chips")
    chromium.execute_script("document.querySelector('.detail button.arrow').click()")
    assert chromium.execute_script("return document.querySelector('.detail .token').hidden")
    clean(chromium)


def test_the_facts_behind_an_expectation_open(chromium: Any, page: Path) -> None:
    load(chromium, page, f"#{quote(THIS)}")
    chromium.execute_script("document.querySelector('.detail .why button').click()")
    support.wait_for(lambda: chromium.execute_script("return document.querySelector('.detail .fact') !== null"))
    assert "A page says so." in text(chromium, ".detail .under") and "captures/some.yaml:2" in text(chromium, ".detail .under")


def test_the_keyboard_is_enough(chromium: Any, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    load(chromium, page)
    keys(chromium, Keys.TAB)
    assert focused(chromium) == "skip"
    for _ in range(60):
        keys(chromium, Keys.TAB)
        if focused(chromium) == "list":
            break
    assert focused(chromium) == "list"
    keys(chromium, "j")
    second = shown(chromium)[1]
    support.wait_for(lambda: text(chromium, ".case-id").startswith(second))
    assert chromium.execute_script("return document.getElementById('list').getAttribute('aria-activedescendant')") == "row-1"
    keys(chromium, Keys.END, Keys.ARROW_UP, "k", "k", Keys.HOME, Keys.ENTER)
    assert focused(chromium) == "detail" and text(chromium, ".row.chosen .id") == THIS
    for _ in range(20):
        keys(chromium, Keys.TAB)
        if focused(chromium) == "arrow":
            break
    keys(chromium, Keys.ENTER)
    assert not chromium.execute_script("return document.querySelector('.detail .token').hidden")
    keys(chromium, Keys.ESCAPE)  # closes the token, and again goes back to the list
    assert chromium.execute_script("return document.querySelector('.detail .token').hidden")
    keys(chromium, Keys.ESCAPE)
    assert focused(chromium) == "list"
    clean(chromium)


def test_coverage_leads_to_cases(chromium: Any, page: Path) -> None:
    load(chromium, page)
    chromium.execute_script(
        "[...document.querySelectorAll('#coverage summary')].find((one) => one.textContent.startsWith('Statuses')).click()")
    support.wait_for(lambda: chromium.execute_script("return document.querySelector('#coverage td a') !== null"))
    assert text(chromium, "#coverage td.tone-bad a") == "2✗1"
    chromium.execute_script("document.querySelector('#coverage td.tone-bad a').click()")
    support.wait_for(lambda: text(chromium, ".count") == "2 of 5 cases")
    assert shown(chromium) == [THIS, "bind[mechanism=NTLM,acceptor=none]"]
    chromium.execute_script("document.querySelector('.linked button').click()")
    assert text(chromium, ".count") == "3 of 5 cases"
    clean(chromium)


def test_the_policy_stops_what_is_not_of_the_page(chromium: Any, page: Path) -> None:
    """The control for all others: a script that got in would not run, and would show in the log."""
    load(chromium, page)
    chromium.execute_script("const one = document.createElement('script'); one.textContent = 'window.hacked = 3'; document.body.append(one)")
    assert chromium.execute_script("return window.hacked === undefined")
    assert any("Content Security Policy" in one["message"] for one in chromium.get_log("browser"))


def test_on_paper_every_row_stands(chromium: Any, page: Path) -> None:
    load(chromium, page)
    chromium.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert len(shown(chromium)) == 5
    assert chromium.print_page()
    clean(chromium)


def test_ten_thousand_cases(chromium: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "many.html"
    began = time.perf_counter()
    size = write_page(path, "Many", [Section("cases", "Cases", [_block(_many(10_000))])])
    written = time.perf_counter() - began
    load(chromium, path)
    assert text(chromium, ".count") == "10,000 cases" and len(shown(chromium)) < 100
    took = chromium.execute_script("""
        const field = document.getElementById("search"), times = [];
        for (const word of ["s", "se", "sec", "case-99", "case-9999", "attributes", ""]) {
          const began = performance.now();
          field.value = word;
          field.dispatchEvent(new Event("input"));
          document.querySelector(".list").getBoundingClientRect();  // the layout is part of what a person waits for
          times.push(performance.now() - began);
        }
        return times""")
    keys_of = "const field = document.getElementById('search'); field.value = 'case-9999'; field.dispatchEvent(new Event('input'))"
    chromium.execute_script(keys_of)
    assert shown(chromium) == ["case-9999[mechanism=NTLM]"]
    with capsys.disabled():
        print(f"\n10,000 cases: {size / 1e6:.1f} MB written in {written:.1f} s; a filter takes {max(took):.0f} ms at most")
    clean(chromium)


def _block(results: Sequence[Result]) -> Any:
    cases = Cases(Captures((), {}, {}), "mine", str)
    for one in results:
        cases.add(one)
    return cases.block(one.case.id for one in results)


def _many(count: int) -> list[Result]:
    case = support.case(["establish"], subject="acceptor")
    difference = Difference("acceptor.last.status", "SEC_E_OK", "SEC_E_LOGON_DENIED", "documented", True, "MS-X 1")
    found = []
    for number in range(count):
        wrong = number % 3 == 0
        observed = Observed()
        observed.update({"acceptor.leg.1.status": "SEC_E_OK", "acceptor.leg.1.token": "none", "acceptor.legs": 1, "established": True})
        found.append(Result(replace(case, id=f"case-{number}[mechanism=NTLM]"), Verdict.FAIL if wrong else Verdict.PASS,
                            (difference,) if wrong else (), Trace(observed=observed), "documented"))
    return found
