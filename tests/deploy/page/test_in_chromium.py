"""The page in a browser: its texts, drawings and requests."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from parcnet.data import Preprocessing, open_image
from parcnet.data.preprocessing import INTERPOLATIONS
from parcnet.deploy import open_exported
from parcnet.deploy.page import Page
from parcnet.evaluation import predict, torch_predictor
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
    tab.wait(f"{STATUS} === 'Ready for an image.'")

    def classified(picture: Path):
        before = tab.ask("document.body.dataset.answered") or "0"
        tab.give(picture)
        tab.wait(f"(document.body.dataset.answered ?? '0') !== '{before}'")
        return tab

    return classified


def in_python(network: Path, made: Page, picture: Path) -> tuple[list[tuple[str, float]], int]:
    """The five most probable classes of a picture by the checkpoint, and the number of its classes."""
    loaded, file = load_checkpoint(network), open_exported(made.export.path)
    with torch_predictor(loaded.network, torch.device("cpu")) as predictor:
        (predicted,) = predict(loaded.task, predictor, file.info.metadata, [picture])
    return list(predicted.prediction.top), len(file.info.metadata.classes)


@pytest.mark.parametrize("which", [0, 1])
def test_predictions_equal_those_of_python(which, answer, photographs, network, made) -> None:
    photograph = photographs[which]
    found = answer(photograph).ask(TOP)
    top, classes = in_python(network, made, photograph)
    assert top[0][1] > 2 / classes, "a network that cannot tell images apart"
    assert [name for name, _ in found] == [name for name, _ in top]
    np.testing.assert_allclose([each for _, each in found], [each for _, each in top], atol=2e-3)


def test_the_map_of_the_chosen_class_is_drawn(answer, photographs) -> None:
    tab = answer(photographs[0])
    pressed = '[...document.querySelectorAll("button.answer")].map(each => each.getAttribute("aria-pressed"))'
    assert tab.ask(pressed) == ["true", "false", "false", "false", "false"]
    drawn = set()
    for index in range(5):
        tab.ask(f'document.querySelectorAll("button.answer")[{index}].click()')
        drawn.add(tab.ask(PAINTED))
    assert tab.ask(pressed)[4] == "true"
    assert len(drawn) == 5
    words = tab.ask('document.getElementById("heat-words").textContent')
    assert "of this image is evidence for" in words or "4 x 5)" in words
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


def test_a_broken_file_is_reported_and_the_next_one_works(answer, photographs, tmp_path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(photographs[0].read_bytes()[:100])
    tab = answer(photographs[0])
    tab.give(broken)
    tab.wait(f"{STATUS}.startsWith('broken.jpg is damaged')")
    assert tab.ask('document.getElementById("status").className') == "trouble"
    answer(photographs[1])
    assert tab.ask(STATUS).startswith("flower.jpg: kind")
    assert tab.ask('document.getElementById("status").className') == ""


def test_transparent_parts_are_white_as_in_python(answer, photographs, network, made, tmp_path) -> None:
    picture = Image.open(photographs[0]).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    picture.save(tmp_path / "fading.png")
    found = dict(answer(tmp_path / "fading.png").ask(TOP))
    top, _ = in_python(network, made, tmp_path / "fading.png")
    assert {name: pytest.approx(share, abs=1e-2) for name, share in top} == found


def test_too_many_pixels_are_an_error(answer, photographs) -> None:
    read = 'import("./picture.js").then(({readPicture}) => readPicture(blob, "big.png", 1e5))'
    script = f'fetch("examples/china.jpg").then(got => got.blob()).then(blob => {read}).catch(error => error.message)'
    assert "Downscale it" in answer(photographs[0]).ask(script)


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
    tab.wait(f"{STATUS} === 'Ready for an image.' || document.body.dataset.answered")
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
    tab.wait(f"{STATUS} === 'Ready for an image.'")
    tab.ask('document.querySelectorAll("#examples button")[0].click()')
    tab.wait("document.body.dataset.answered")
    assert "threads" in tab.ask('document.getElementById("time").textContent')
    assert [each["entry"]["text"] for each in tab.seen("Log.entryAdded")] == []
