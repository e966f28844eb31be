"""Text of unknown origin, e.g. class names, made safe for the medium that shows it.

HTML pages escape by themselves (`write_page`), YAML by its dumper, rich markup by `rich.markup.escape`.
"""

import re
import unicodedata

from parcnet.base.text import printable

_MARKDOWN = re.compile(r"([\\`*{}\[\]<>&|~$#]|(?<!\w)_|_(?!\w)|(?<!\w)[-+!]|://|@)")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;", "@": "&#64;", "://": "&#58;//"}


def one_line(text: str) -> str:
    """One line for a terminal: control characters, among them line breaks and escape sequences, become `\\n`, `\\x1b`.

    So do the characters that reorder a line, and what is no Unicode.
    """
    return "".join(_visible(each) for each in printable(text))


def markdown(text: str) -> str:
    """One line of plain text in Markdown, also in the cell of a table: no HTML, emphasis, link or line break."""
    return _MARKDOWN.sub(_escaped, one_line(text))


def _escaped(match: re.Match[str]) -> str:
    return _ENTITIES.get(match[1], f"\\{match[1]}")


def markdown_code(text: str) -> str:
    """A code span of one line, in a fence longer than any in the text."""
    line = one_line(text)
    fence = "`" * (_longest_fence(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def markdown_block(text: str, language: str) -> str:
    """A fenced block, in a fence longer than any in the text."""
    fence = "`" * max(3, _longest_fence(text) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _longest_fence(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _visible(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") and character != "\u200d":  # joins emoji
        return character.encode("unicode_escape").decode("ascii")
    return character
