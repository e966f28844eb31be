"""Labels from CSV and JSON, and what is refused before any work."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from parcnet.base import UserError
from parcnet.data import BadImage
from parcnet.tasks.multilabel.data import has_labels, open_labels, open_splits

CSV = {
    "train.csv": "path,labels\na.png,cat;dog\nb.png,\nimages/c.png,dog\n",
    "val.csv": "path,labels\nb.png,dog; cat ;dog;\n",
}
MARKS = {"train.csv": "dog,path,cat\n1,a.png,1\n0,b.png,0\n1,images/c.png,0\n", "val.csv": "path,cat,dog\nb.png,1,1\n"}


@pytest.fixture
def folder(tmp_path):
    """folder(files): texts and images by name below a data folder."""

    def make(files, images=("a.png", "b.png", "images/c.png")):
        root = tmp_path / "pets"
        for name in images:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((4, 6, 3), 200, np.uint8)).save(root / name)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return root

    return make


def json_files(**labels):
    """The folders train and val, an image and its labels each, and so the images' names."""
    files = {f"{split}/x.json": json.dumps({"labels": names}) for split, names in labels.items()}
    return files, [name.replace(".json", ".png") for name in files]


def targets(images):
    return [images.label(index).tolist() for index in range(len(images))]


@pytest.mark.parametrize("files", [CSV, MARKS], ids=["names", "marks"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_csv_gives_paths_and_targets_in_the_order_of_the_sorted_classes(folder, files, mark, end):
    root = folder({name: mark + text.replace("\n", end).encode() for name, text in files.items()})
    splits = open_splits(root)
    assert splits.train.classes == splits.val.classes == ("cat", "dog")
    assert targets(splits.train) == [[1, 1], [0, 0], [0, 1]]
    assert targets(splits.val) == [[1, 1]]
    assert splits.test is None
    assert splits.train.name == "pets"
    assert splits.train.where(2) == str(root / "images" / "c.png")
    assert splits.train.image(0).size == (6, 4)


def test_names_may_hold_commas_quotes_and_any_letter(folder):
    root = folder({"train.csv": 'path,labels\na.png,"rot, grün;""x"""\n', "val.csv": "path,labels\na.png,\n"})
    assert open_splits(root).train.classes == ('"x"', "rot, grün")


def test_json_beside_each_image_says_the_same(folder):
    files, images = json_files(train=["dog", "cat"], val=[], test=["dog"])
    splits = open_splits(folder(files, images))
    assert splits.train.classes == ("cat", "dog")
    assert (targets(splits.train), targets(splits.val)) == ([[1, 1]], [[0, 0]])
    assert splits.test is not None
    assert targets(splits.test) == [[0, 1]]


def test_classes_txt_fixes_the_order_and_a_class_without_a_positive_is_a_warning(folder, capsys):
    splits = open_splits(folder({**CSV, "classes.txt": "\ufeffdog\nemu\n\ncat\n"}))
    assert splits.train.classes == ("dog", "emu", "cat")
    assert targets(splits.train)[2] == [1, 0, 0]
    assert "no training image has emu" in capsys.readouterr().err


def test_a_single_class_is_enough(folder):
    files, images = json_files(train=["cat"], val=[])
    assert open_splits(folder(files, images)).val.classes == ("cat",)


def test_a_checkpoints_classes_number_the_labels(folder):
    images = open_labels(folder(CSV), "train", ("emu", "dog", "cat"))
    assert targets(images)[2] == [0, 1, 0]


def test_splits_are_found_in_either_layout(folder):
    root = folder(CSV)
    (root / "test").mkdir()  # beside CSV files, a folder of images
    assert [has_labels(root, split) for split in ("train", "val", "test")] == [True, True, False]
    files, images = json_files(train=["cat"], val=[])
    assert not has_labels(folder(files, images) / "nothing", "train")


def test_images_travel_to_worker_processes(folder):
    images = pickle.loads(pickle.dumps(open_labels(folder(CSV), "train")))
    assert targets(images) == [[1, 1], [0, 0], [0, 1]]


def test_an_unreadable_image_is_named_when_it_is_read(folder):
    images = open_labels(folder({**CSV, "a.png": b"no image"}), "train")
    with pytest.raises(BadImage, match=r"a\.png"):
        images.image(0)


def test_missing_data_are_named(tmp_path, folder):
    with pytest.raises(UserError, match="no embedded images: give --data-dir"):
        open_splits(None)
    with pytest.raises(UserError, match="there is no folder"):
        open_splits(tmp_path / "nothing")
    with pytest.raises(UserError, match=r"neither train\.csv nor a folder train/"):
        open_splits(tmp_path)
    with pytest.raises(UserError, match=r"no file .*val\.csv; .* has train\.csv"):
        open_splits(folder({"train.csv": CSV["train.csv"]}))


@pytest.mark.parametrize(
    ("train", "said"),
    [
        ("", "no column path; it is empty"),
        ("file,labels\na.png,cat\n", "no column path; its columns are file, labels"),
        ("path;labels\na.png;cat\n", "no column path; its columns are path;labels"),
        ("path\na.png\n", "has no labels; its columns are path"),
        ("path,labels,author\na.png,cat,me\n", "column labels and also author; expected path and labels alone"),
        ("path,cat,cat\na.png,1,1\n", "several columns 'cat'"),
        ("path,,cat\na.png,1,1\n", "a column without a name, number 2"),
        ("path,labels\n", "no row below its header"),
        ("path,labels\na.png,\n", r"no image in .*train\.csv has a label"),
        ("path,labels\n,cat\n", "line 2 has no path"),
        ("path,labels\na.png\n", "line 2 has 1 value; expected 2"),
        ("path,labels\na.png,cat,dog\n", "line 2 has 3 values; expected 2, .*Put values that contain a comma"),
        ("path,labels\na.png,cat\n./a.png,dog\n", r"line 3 names a\.png again, after line 2"),
        ("path,labels\na.png,cat\nz.png,dog\n", r"1 image of 2 in .* do not exist, first .*z\.png .*line 3"),
        ("path,labels\nnowhere/a.png,cat\n", "do not exist"),
        ("path,cat\na.png,yes\n", "line 2 has 'yes' in the column cat; expected 1 .* else 0"),
        ('path,labels\na.png,"cat\n', r"train\.csv, line 2: unexpected end of data"),
        (b"path,labels\na.png,caf\xe9\n", "byte 21 is not UTF-8"),
    ],
)
def test_a_mistake_in_a_csv_file_names_value_expectation_and_remedy(folder, train, said):
    with pytest.raises(UserError, match=said):
        open_splits(folder({**CSV, "train.csv": train}))


@pytest.mark.parametrize(
    ("val", "said"),
    [
        ("path,labels\na.png,catt\n", r"val\.csv, line 2 has the label 'catt', .* 2 classes\. Did you mean cat\?"),
        ("path,emu,cat,dog\na.png,0,0,0\n", r"val\.csv has a column 'emu', .* They are cat, dog\."),
        ("path,cat\na.png,1\n", r"val\.csv has no column for dog; expected one for each of the 2 classes"),
    ],
)
def test_validation_has_no_classes_of_its_own(folder, val, said):
    with pytest.raises(UserError, match=said):
        open_splits(folder({**CSV, "val.csv": val}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cat\ncat\n", "names the class 'cat' twice"),
        ("\n", "is empty; expected a class a line"),
        ("cat\n", r"train\.csv, line 2 has the label 'dog', which is none of the 1 class"),
    ],
)
def test_mistakes_in_classes_txt(folder, text, said):
    with pytest.raises(UserError, match=said):
        open_splits(folder({**CSV, "classes.txt": text}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", r"x\.json is not JSON"),
        ("[" * 100_000, r"x\.json is not JSON: it is nested deeper"),
        ("[]", 'holds a list; expected {"labels"'),
        ('{"label": []}', "no key 'labels'; its keys are label"),
        ("{}", "no key 'labels'; it is empty"),
        ('{"labels": "cat"}', "has labels 'cat'; expected a list of names"),
        ('{"labels": [1]}', "expected a list of names"),
        ('{"labels": [""]}', "expected a list of names"),
        (b'{"labels": ["\xe9"]}', "is not UTF-8"),
    ],
)
def test_a_mistake_in_a_json_file_names_it(folder, text, said):
    files, images = json_files(train=["cat"], val=[])
    with pytest.raises(UserError, match=said):
        open_splits(folder({**files, "train/x.json": text}, images))


def test_images_and_json_files_belong_together(folder):
    files, images = json_files(train=["cat"], val=[])
    root = folder(files, images)
    (root / "train" / "y.json").write_text('{"labels": []}')
    with pytest.raises(UserError, match=r"y\.json has no image beside it"):
        open_splits(root)
    (root / "train" / "y.json").unlink()
    Image.new("RGB", (4, 4)).save(root / "train" / "y.png")
    with pytest.raises(UserError, match=r"1 image of 2 .* without labels, first .*y\.png: expected .*y\.json"):
        open_splits(root)
    (root / "train" / "y.png").rename(root / "train" / "x.jpg")
    with pytest.raises(UserError, match=r"both belong to .*x\.json"):
        open_splits(root)
    for path in (root / "train").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="has no images"):
        open_splits(root)


def test_labels_in_linked_folders_are_found_and_hidden_ones_are_not(folder, tmp_path_factory):
    files, images = json_files(train=["cat"], val=["cat"])
    root = folder(files, images)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (root / "train" / "more").symlink_to(elsewhere)
    (root / "train" / ".cache").mkdir()
    for suffix in (".png", ".json"):
        content = (root / "train" / f"x{suffix}").read_bytes()
        (elsewhere / f"y{suffix}").write_bytes(content)
        (root / "train" / ".cache" / f"z{suffix}").write_bytes(content)
    assert targets(open_splits(root).train) == [[1], [1]]
