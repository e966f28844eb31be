"""Files of the repository that pages link to become files of the site, so that one link serves both.

`[the script](../examples/slurm.sh)` leads out of docs/ in the repository; in the site it leads to a copy.
CHANGELOG.md and CONTRIBUTING.md become pages of the site, found by its navigation.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_OUTSIDE = re.compile(r"\]\(\.\./(?P<path>(?!\.\./)[^)#\s]+)\)")
_PAGES = ("CHANGELOG.md", "CONTRIBUTING.md")


def on_files(files: Files, config: Any) -> Files:
    """Adds every file outside of docs/ that a page links to, and the pages kept there."""
    docs = Path(config.docs_dir)
    texts = [page.read_text("utf-8") for page in docs.glob("*.md")]
    linked = {match["path"] for text in texts for match in _OUTSIDE.finditer(text)}
    for path in sorted(linked | set(_PAGES)):
        source = docs.parent / path
        if source.is_file():  # one that is missing is left to the strict build, which names it
            files.append(File.generated(config, _place(path), abs_src_path=str(source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Points the links at the copies. Pages in folders have none."""
    if "/" in page.file.src_uri:
        return markdown
    return _OUTSIDE.sub(lambda match: f"]({_place(match['path'])})", markdown)


def _place(path: str) -> str:
    return path if path in _PAGES else f"files/{path}"
