import pytest

from parcnet.base import UserError, nearest, unknown

NETWORKS = ["parcnetv2_xt", "parcnetv2_tiny", "parcnetv2_small", "parcnetv2_base", "convnext_tiny"]


def test_a_typo_finds_the_nearest_name():
    assert nearest("parcnet_tiny", NETWORKS)[0] == "parcnetv2_tiny"


def test_case_does_not_matter():
    assert nearest("ParCNetV2_Tiny", NETWORKS)[0] == "parcnetv2_tiny"


def test_nothing_is_suggested_when_no_name_is_near():
    assert nearest("zzz", NETWORKS) == []


def test_limit():
    assert len(nearest("parcnetv2", NETWORKS, limit=2)) == 2


def test_an_unknown_name_is_reported_with_suggestions_and_remedy():
    error = unknown("network", "parcnet_tiny", NETWORKS, "`parcnet models` lists all.")
    assert isinstance(error, UserError)
    assert str(error).startswith("unknown network 'parcnet_tiny'. Did you mean parcnetv2_tiny")
    assert str(error).endswith("`parcnet models` lists all.")


@pytest.mark.parametrize(("known", "listed"), [(["b", "a"], True), ([str(n) * 3 for n in range(40)], False)])
def test_few_known_names_are_listed_when_none_is_near(known, listed):
    assert ("Known: a, b." in str(unknown("letter", "zzz", known))) is listed
