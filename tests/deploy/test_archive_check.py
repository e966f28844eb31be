"""A forged .pt2 is refused before torch runs what it brings."""

import io
import json
import pickle
import zipfile

import pytest

from parcnet.base import UserError
from parcnet.deploy import open_exported
from parcnet.deploy.runtimes import archive_check


class Hostile:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


def forged(source, target, change):
    """A copy of the archive; `change(name, content)` returns the content of each entry, or None to leave it out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            content = change(entry.filename, old.read(entry))
            if content is not None:
                new.writestr(entry.filename, content)
        change(new, None)
    return target


def graph(change):
    def edit(name, content):
        if content is None or not name.endswith("models/model.json"):
            return content
        model = json.loads(content)
        change(model)
        return json.dumps(model).encode()

    return edit


def first_node(model):
    return model["graph_module"]["graph"]["nodes"][0]


def library(name, content):
    if content is None:
        name.writestr("small/data/aotinductor/model/x.so", b"\x7fELF")
    return content


def pickled(name, content):
    return pickle.dumps((Hostile(),)) if content is not None and name.endswith("sample_inputs/model.pt") else content


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (graph(lambda model: first_node(model).update(target="torch.os.system")), "calls 'torch.os.system'"),
        (graph(lambda model: first_node(model).update(target="#x:y")), "calls '#x:y'"),
        (
            graph(lambda model: model.update(x={"expr_str": "__import__('os').system('x')"})),
            "no expression of sizes",
        ),
        (graph(lambda model: model.update(x={"expr_str": "exec(chr(49))"})), "no expression of sizes"),
        (graph(lambda model: model.update(x={"expr_str": ["s0"]})), "no expression of sizes"),
        (library, "aotinductor"),
        (pickled, "not a torch.export archive"),
    ],
    ids=["operator", "extension", "import", "exec", "list", "library", "pickle"],
)
def test_what_torch_would_run_is_refused(change, said, made, tmp_path):
    path = forged(made("torch-export").path, tmp_path / "forged.pt2", change)
    with pytest.raises(UserError, match=said):
        open_exported(path)


def test_a_guard_is_never_evaluated(made, tmp_path, capsys):
    change = graph(lambda model: model.update(guards_code=["print('executed') is None"]))
    open_exported(forged(made("torch-export").path, tmp_path / "guarded.pt2", change))
    assert "executed" not in capsys.readouterr().out


def test_an_unchanged_copy_opens(made, tmp_path):
    assert open_exported(forged(made("torch-export").path, tmp_path / "copy.pt2", lambda _, content: content)).info


def test_a_zip_of_something_else_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.pt2", "w") as archive:
        archive.writestr("word/document.xml", b"")
    with pytest.raises(UserError, match=r"other.pt2 holds 'word/document.xml'"):
        open_exported(tmp_path / "other.pt2")
    (tmp_path / "none.pt2").write_bytes(io.BytesIO(b"PK").getvalue())
    with pytest.raises(UserError, match=r"none.pt2 is not a torch.export archive"):
        open_exported(tmp_path / "none.pt2")


@pytest.mark.parametrize(
    "condition",
    ["GreaterThan(Symbol('u5', integer=True), Integer(2))", "And(Eq(Symbol('s0'), Integer(4)), Not(Ne(u1, 3)))"],
)
def test_conditions_on_sizes_which_detectors_hold_are_harmless(condition):
    assert archive_check._harmless(condition)
