import dataclasses
import json
import re
from pathlib import Path

import pytest

from parcnet.base import UserError
from parcnet_lab.paper import claims
from parcnet_lab.paper.claims import crop_training, small_ablations
from parcnet_lab.paper.claims.claims_page import write_claims
from parcnet_lab.paper.claims.finding import ClaimFigure, Finding, Picture
from parcnet_lab.paper.claims.runner import kept
from parcnet_lab.paper.claims.summary import summary
from parcnet_lab.paper.claims.verdicts import Interval

ABOUT = {
    "command": "parcnet paper claims",
    "machine": {"device": "a <CPU>", "threads": 2, "cores": 2, "versions": {"torch": "2"}, "date": "2026-01-01"},
    "quick": False,
}


def finding(number: int, **changes: object) -> Finding:
    figure = ClaimFigure("a < b", "1.0 %", "79.4 / 68.4", Interval(1.0, 0.5, 1.5, 3), "supported")
    made = Finding(
        number=number,
        title=f"Title {number}",
        claim="x & y",
        source="Sec. 3.1",
        experiment="Done.",
        figures=(figure, ClaimFigure("plain", "2")),
        verdict="contradicted",
        because="Because.",
        seeds=(0, 1, 2),
        seconds=12.3,
        pictures=(Picture("one.png", "a caption"),),
        data={"rows": [1, 2]},
    )
    return dataclasses.replace(made, **changes)


def test_a_finding_survives_json():
    found = finding(3)
    assert Finding.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_the_page_holds_every_section_and_needs_nothing_else(tmp_path):
    (tmp_path / "one.png").write_bytes(b"\x89PNG and more")
    write_claims(tmp_path / "claims.html", [finding(number) for number in range(1, 9)], ABOUT, tmp_path)
    page = (tmp_path / "claims.html").read_text(encoding="utf-8")
    assert re.findall(r'<section id="claim-(\d)">', page) == [str(number) for number in range(1, 9)]
    assert len(re.findall('src="data:image/png;base64,', page)) == 8
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "http" not in page
    assert "a &lt; b" in page
    assert "a &lt;CPU&gt;" in page
    assert "x &amp; y" in page
    assert "viewport" in page
    assert "@media print" in page
    assert "8 contradicted" in page
    assert "$" not in page


def test_the_page_in_docs_is_written_from_the_kept_results():
    root = Path(__file__).parents[3]
    kept = json.loads((root / "benchmarks" / "results" / "claims.json").read_text(encoding="utf-8"))
    findings = [Finding.from_dict(each) for each in kept["findings"]]
    assert (root / "docs" / "claims.md").read_text(encoding="utf-8") == summary(findings, kept)
    assert "undecided: 2 supported, 9 undecided" in summary(findings, kept)


def test_a_run_keeps_json_pictures_a_page_and_a_summary(tiny):
    (found,) = claims.run(tiny, [8])
    assert found.verdict == "pass"
    written = json.loads((tiny.folder / "claims.json").read_text(encoding="utf-8"))
    assert written["findings"][0]["number"] == 8
    assert written["machine"]["versions"]["torch"]
    assert (tiny.folder / found.pictures[0].file).stat().st_size > 0
    assert "8. 2H-1" in (tiny.folder / "claims.md").read_text(encoding="utf-8")
    assert str(tiny.folder) not in (tiny.folder / "claims.html").read_text(encoding="utf-8")


def test_a_second_run_measures_only_what_is_new(tiny, monkeypatch):
    claims.run(tiny, [8])

    def never(*_: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setitem(claims.EXPERIMENTS, 8, dataclasses.replace(claims.EXPERIMENTS[8], measure=never))
    findings = claims.run(tiny, [1, 8])
    assert [each.number for each in findings] == [1, 8]
    assert [each.number for each in claims.run(tiny, [1])] == [1]
    assert "claim-8" in (tiny.folder / "claims.html").read_text(encoding="utf-8")
    with pytest.raises(AssertionError):
        claims.run(dataclasses.replace(tiny, seeds=3), [8])


@pytest.mark.parametrize("damage", ["cut", "picture", "revision"])
def test_a_damaged_or_outdated_finding_is_not_used(damage, tiny):
    (found,) = claims.run(tiny, [8])
    experiment = claims.EXPERIMENTS[8]
    assert kept(experiment, tiny) == found
    record = tiny.folder / "claim-8.json"
    if damage == "cut":
        record.write_text(record.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    elif damage == "picture":
        (tiny.folder / found.pictures[0].file).unlink()
    else:
        experiment = dataclasses.replace(experiment, revision=experiment.revision + 1)
    assert kept(experiment, tiny) is None


def test_finished_trainings_are_read_not_repeated(tiny, monkeypatch):
    recipe = small_ablations.recipe(tiny)
    first = crop_training.trained(small_ablations.BASELINE, 0, recipe, tiny.folder, keep=True)
    restored = crop_training.kept(small_ablations.BASELINE, 0, recipe, tiny.folder)
    top1, loss = crop_training.score(restored, recipe)
    assert (top1, loss) == pytest.approx((first.top1, first.loss), rel=1e-5)
    assert not restored.training

    def never(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(crop_training, "_train", never)
    assert crop_training.trained(small_ablations.BASELINE, 0, recipe, tiny.folder) == first
    with pytest.raises(AssertionError):
        crop_training.trained(small_ablations.BASELINE, 1, recipe, tiny.folder)


def test_a_network_learns_the_training_crops(tiny):
    """A handful of steps must lower the loss: the loop trains."""
    recipe = dataclasses.replace(small_ablations.recipe(tiny), steps=25, batch=16)
    untrained = dataclasses.replace(recipe, steps=1, lr=1e-9)
    losses = [
        crop_training.trained(small_ablations.BASELINE, 0, each, tiny.folder).train_loss for each in (untrained, recipe)
    ]
    assert losses[1] < losses[0] - 0.1


def test_an_unknown_number_is_said_before_any_work(tiny):
    with pytest.raises(UserError, match="no claim 9"):
        claims.run(tiny, [9])


def test_one_seed_is_refused():
    with pytest.raises(UserError, match="at least 2"):
        claims.Settings(seeds=1)
