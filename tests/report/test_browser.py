"""The page in a browser: headless Chromium, by its command alone.

A frame of the size of a phone holds the page, and a script beside it reads off what the browser made of it.
"""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
)
PHONE = 360

pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no chromium: not checked that the run page renders, shows its pictures, and fits a phone and print",
)

PROBE = """<!doctype html><title>probe</title>
<iframe style="border:0" width="WIDTH" height="800" srcdoc="PAGE"></iframe>
<pre id="found"></pre><script>
const frame = document.querySelector("iframe");
frame.addEventListener("load", () => {
  const page = frame.contentDocument, root = page.documentElement;
  const wide = [...page.querySelectorAll("body *")].filter(each => !each.closest(".scroll, pre, .skip")
    && each.getBoundingClientRect().right > root.clientWidth + 1);
  document.getElementById("found").textContent = JSON.stringify({
    pictures: [...page.images].map(each => each.complete && each.naturalWidth > 0),
    links: [...page.querySelectorAll("a")].map(each => !!page.getElementById(each.getAttribute("href").slice(1))),
    scrolls: root.scrollWidth > root.clientWidth,
    wide: wide.map(each => each.outerHTML.slice(0, 60)),
    reached: [...page.querySelectorAll(".scroll")].every(each => each.tabIndex === 0),
    language: root.lang,
    text: page.body.innerText.length,
  });
});
</script>"""


@pytest.fixture
def browse(tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """browse(page, *options): Chromium opens the file."""

    def run(page: Path, *options: str) -> subprocess.CompletedProcess:
        assert CHROMIUM is not None
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [CHROMIUM, *FLAGS, profile, *options, page.resolve().as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    return run


@pytest.fixture
def probe(browse, tmp_path) -> Callable[..., dict]:
    """probe(html, width): what the browser says of a page in a frame of that width, px."""

    def ask(page: str, width: int) -> dict:
        holder = tmp_path / "holder.html"
        filled = PROBE.replace("WIDTH", str(width)).replace("PAGE", html.escape(page))
        holder.write_text(filled, encoding="utf-8")
        shown = browse(holder, "--virtual-time-budget=5000", "--dump-dom").stdout
        found = re.search(r'<pre id="found">(.*?)</pre>', shown, re.DOTALL)
        assert found is not None, shown[-500:]
        return json.loads(html.unescape(found[1]))

    return ask


def complaints(shown: subprocess.CompletedProcess) -> list[str]:
    """What the page wrote to the console."""
    return [line for line in shown.stderr.splitlines() if ":CONSOLE" in line]


def test_it_renders_without_a_word_on_the_console_and_prints(page, browse, tmp_path):
    shown = browse(page, "--virtual-time-budget=3000", "--dump-dom", "--window-size=1200,900")
    assert complaints(shown) == []
    assert "Worst mistakes" in shown.stdout
    pdf = tmp_path / "page.pdf"
    browse(page, f"--print-to-pdf={pdf}")
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf.read_bytes()))
    assert 4 <= pages <= 20


@pytest.mark.parametrize("width", [PHONE, 1200])
def test_pictures_are_there_links_work_and_nothing_scrolls_sideways(width, page, probe):
    found = probe(page.read_text(encoding="utf-8"), width)
    assert len(found["pictures"]) > 20
    assert all(found["pictures"])
    assert len(found["links"]) > 10
    assert all(found["links"])
    assert (found["scrolls"], found["wide"]) == (False, [])
    assert found["reached"]
    assert found["language"] == "en"
    assert found["text"] > 3000


def test_the_probe_would_notice(probe, browse, tmp_path):
    broken = (
        '<html><body><img src="data:image/png;base64,AAAA"><a href="#nowhere">x</a>'
        '<div style="width: 900px">wide</div><script>undefined_name()</script></body></html>'
    )
    found = probe(broken, PHONE)
    assert (found["pictures"], found["links"], found["scrolls"]) == ([False], [False], True)
    assert found["wide"]
    (tmp_path / "broken.html").write_text(broken)
    assert complaints(browse(tmp_path / "broken.html", "--dump-dom"))
