"""The page in a browser: what it says, what it shows, what it fetches."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from parcnet.data import Preprocessing, open_image
from parcnet.data.preprocessing import INTERPOLATIONS
from parcnet.deploy.page import Page
from parcnet.evaluation import predict
from parcnet.tasks.loading import load_checkpoint

TOP = """[...document.querySelectorAll("#classes li")].map(each =>
  [each.querySelector(".name").textContent, parseFloat(each.querySelector(".fill").style.width) / 100])"""
PAINTED = """(() => { const canvas = document.getElementById("overlay");
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0; for (let i = 3; i < data.length; i += 4) sum += data[i] * (1 + i % 97);
  return canvas.hidden ? 0 : sum; })()"""
WIDE = """[...document.querySelectorAll("body *")].filter(each =>
  !each.closest(".skip") && each.getBoundingClientRect().right > document.documentElement.clientWidth + 1
).map(each => each.outerHTML.slice(0, 80))"""
STATUS = 'document.getElementById("status").textContent'


@pytest.fixture(scope="module")
def address(made: Page, served) -> str:
    """Of the page, which lies below other folders of its server."""
    return f"{served(made.folder.parents[1])}below/page/"


@pytest.fixture(scope="module")
def answer(browser, address) -> Callable:
    """answer(picture) -> the tab in which the picture was classified; one tab for all."""
    tab = browser.open(address)
    tab.wait(f"{STATUS} === 'Ready for a picture.'")

    def classified(picture: Path):
        before = tab.ask("document.body.dataset.answered") or "0"
        tab.give(picture)
        tab.wait(f"(document.body.dataset.answered ?? '0') !== '{before}'")
        return tab

    return classified


def top_classes(checkpoint: Path, picture: Path) -> list[tuple[str, float]]:
    """The likeliest classes of a picture, and their probabilities, by the checkpoint itself."""
    loaded = load_checkpoint(checkpoint)
    (predicted,) = predict(loaded.task, loaded.network, loaded.metadata, [picture])
    return predicted.prediction.top


@pytest.mark.parametrize("which", [0, 1])
def test_it_says_what_python_says_of_a_photograph(which, answer, photographs, network) -> None:
    photograph = photographs[which]
    found = answer(photograph).ask(TOP)
    wanted, classes = top_classes(network, photograph), load_checkpoint(network).metadata.classes
    assert wanted[0][1] > 2 / len(classes), "a network that cannot tell pictures apart"
    assert [name for name, _ in found] == [name for name, _ in wanted]
    np.testing.assert_allclose([each for _, each in found], [each for _, each in wanted], atol=2e-3)


def test_heat_is_drawn_for_the_class_that_is_chosen(answer, photographs) -> None:
    tab = answer(photographs[0])
    pressed = '[...document.querySelectorAll("button.answer")].map(each => each.getAttribute("aria-pressed"))'
    assert tab.ask(pressed) == ["true", "false", "false", "false", "false"]
    drawn = set()
    for place in range(5):
        tab.ask(f'document.querySelectorAll("button.answer")[{place}].click()')
        drawn.add(tab.ask(PAINTED))
    assert tab.ask(pressed)[4] == "true"
    assert len(drawn) == 5
    words = tab.ask('document.getElementById("heat-words").textContent')
    assert "of this picture speaks for" in words or "4 x 5 places" in words
    tab.ask('document.getElementById("opacity").value = 20')
    tab.ask('document.getElementById("opacity").dispatchEvent(new Event("input"))')
    assert tab.ask('document.getElementById("overlay").style.opacity') == "0.2"


def test_an_example_is_a_click_away_and_a_pasted_picture_is_taken(answer, photographs) -> None:
    tab = answer(photographs[1])
    tab.ask('document.querySelectorAll("#examples button")[0].click()')
    tab.wait(f"{STATUS}.startsWith('china.jpg: kind')")
    assert "CC BY" in tab.ask('document.getElementById("credit").textContent')
    pasted = base64.b64encode(photographs[1].read_bytes()).decode()
    tab.ask(
        f"""fetch("examples/flower.jpg").then(got => got.blob()).then(blob => {{
        const transfer = new DataTransfer();
        transfer.items.add(new File([blob], "pasted.jpg", {{type: "image/jpeg"}}));
        document.dispatchEvent(new ClipboardEvent("paste", {{clipboardData: transfer}})); }}), "{pasted[:8]}" """
    )
    tab.wait(f"{STATUS}.startsWith('pasted.jpg: kind')")


def test_a_broken_file_gives_words_and_the_next_one_works(answer, photographs, tmp_path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(photographs[0].read_bytes()[:100])
    tab = answer(photographs[0])
    tab.give(broken)
    tab.wait(f"{STATUS}.startsWith('broken.jpg is not a picture')")
    assert tab.ask('document.getElementById("status").className') == "trouble"
    answer(photographs[1])
    assert tab.ask(STATUS).startswith("flower.jpg: kind")
    assert tab.ask('document.getElementById("status").className') == ""


def test_transparent_parts_are_white_as_in_python(answer, photographs, network, tmp_path) -> None:
    picture = Image.open(photographs[0]).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    picture.save(tmp_path / "fading.png")
    found = dict(answer(tmp_path / "fading.png").ask(TOP))
    wanted = top_classes(network, tmp_path / "fading.png")
    assert {name: pytest.approx(probability, abs=1e-2) for name, probability in wanted} == found


def test_too_many_pixels_give_words(answer, photographs) -> None:
    read = 'import("./picture.js").then(({readPicture}) => readPicture(blob, "big.png", 1e5))'
    script = f'fetch("examples/china.jpg").then(got => got.blob()).then(blob => {read}).catch(error => error.message)'
    assert "make it smaller" in answer(photographs[0]).ask(script)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_pictures_are_resized_to_the_pixel_as_pillow_does(interpolation, answer, photographs) -> None:
    tab = answer(photographs[0])
    picture = open_image(photographs[0]).resize((150, 91))
    given = np.dstack([np.asarray(picture), np.full((91, 150), 255, np.uint8)]).ravel().tolist()
    for size, channels, crop_pct in (((64, 64), 3, 0.875), ((40, 75), 1, 0.9), ((224, 96), 3, 1.0)):
        wanted = Preprocessing(size, (0.5,) * channels, (0.5,) * channels, interpolation, crop_pct)
        call = f"networkInput(new Uint8Array({given}), 150, 91, {json.dumps(wanted.to_dict())})"
        found = tab.ask(f'import("./preprocessing.js").then(({{networkInput}}) => Array.from({call}))')
        expected = np.asarray(wanted.cropping()(picture)).ravel().astype(int)
        assert np.abs(np.array(found) - expected).max() <= (interpolation in ("hamming", "lanczos"))


def test_nothing_comes_from_elsewhere_and_nothing_is_complained_of(browser, address) -> None:
    tab = browser.open(address)
    tab.ask('document.querySelector("#examples button")?.click()')
    tab.wait(f"{STATUS} === 'Ready for a picture.' || document.body.dataset.answered")
    asked = [each["request"]["url"] for each in tab.seen("Network.requestWillBeSent")]
    assert len(asked) > 8
    assert [url for url in asked if not url.startswith(address)] == []
    assert [each["entry"]["text"] for each in tab.seen("Log.entryAdded")] == []
    assert tab.seen("Runtime.exceptionThrown") == []
    assert [each["args"] for each in tab.seen("Runtime.consoleAPICalled")] == []
    refused = tab.ask('fetch("http://127.0.0.1:9/").then(() => "fetched", error => error.name)')
    assert refused == "TypeError"
    assert any("Content Security Policy" in each["entry"]["text"] for each in tab.seen("Log.entryAdded"))


@pytest.mark.parametrize("width", [360, 1400])
def test_it_fits_a_phone_and_a_desk(width, answer, photographs) -> None:
    tab = answer(photographs[1])
    tab.shape(width, dark=width == 360)
    assert tab.ask("document.documentElement.scrollWidth") <= width
    assert tab.ask(WIDE) == []


def test_controls_have_names_and_answers_are_announced(answer, photographs) -> None:
    tab = answer(photographs[0])
    unnamed = """[...document.querySelectorAll("button, input:not([hidden]), canvas[role], progress")]
      .filter(each => !(each.textContent.trim() || each.ariaLabel || each.labels?.length)).map(each => each.id)"""
    assert tab.ask(unnamed) == []
    assert tab.ask('document.getElementById("status").getAttribute("role")') == "status"
    assert tab.ask("document.documentElement.lang") == "en"
    assert tab.ask('document.getElementById("picture").getAttribute("aria-label")').startswith("The picture china.jpg")


def test_a_browser_without_webassembly_is_told_so(browser, address) -> None:
    tab = browser.open("about:blank")
    browser.command("Page.addScriptToEvaluateOnNewDocument", session=tab.session, source="delete self.WebAssembly")
    browser.command("Page.navigate", session=tab.session, url=address)
    tab.wait(f"document.getElementById('status') && {STATUS}.includes('no WebAssembly')")


def test_it_takes_several_threads_where_the_server_s_headers_allow_it(browser, made, served) -> None:
    tab = browser.open(served(made.folder, isolating=True))
    assert tab.ask("crossOriginIsolated")
    if tab.ask("navigator.hardwareConcurrency") < 2:
        pytest.skip("one core: not checked that the page takes several threads")
    tab.wait(f"{STATUS} === 'Ready for a picture.'")
    tab.ask('document.querySelectorAll("#examples button")[0].click()')
    tab.wait("document.body.dataset.answered")
    assert "threads" in tab.ask('document.getElementById("time").textContent')
    assert [each["entry"]["text"] for each in tab.seen("Log.entryAdded")] == []
