import pytest

from parcnet.base import counted


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 bad images"), (1, "1 bad image"), (2, "2 bad images"), (21, "21 bad images")]
)
def test_only_one_is_singular(number, text):
    assert counted(number, "bad image") == text
