"""`parcnet recipes`: the packaged recipes."""

from collections.abc import Sequence
from dataclasses import dataclass

from parcnet_cli.common.arguments import parse

_DESCRIPTION = """\
Lists the packaged training recipes.

  parcnet recipes
  parcnet train -c NAME --data-dir DIR
  parcnet train -c NAME --help             the recipe's values, shown as defaults of the flags
"""


@dataclass(frozen=True)
class RecipesOptions:
    """No options."""


def run(arguments: Sequence[str]) -> int:
    """Prints the list; exit code 0."""
    parse(RecipesOptions, "recipes", _DESCRIPTION, arguments)

    from parcnet.base import table  # here, because the library takes seconds to load
    from parcnet.recipes import packaged

    table("Recipes (parcnet train -c NAME)", ("name", "what it does"), list(packaged().items()))
    return 0
