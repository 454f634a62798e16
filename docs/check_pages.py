"""Built pages: no link inside them ends nowhere, and what people search for is found.

python docs/check_pages.py docs/_build/html
"""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.search.en import SearchEnglish

# What is typed into the search, and the page that should be among the answers.
SEARCHES = {
    "embeddings": "embeddings",
    "NCHW": "layouts",
    "tensorboard": "trackers",
    "mlflow": "trackers",
    "wandb": "trackers",
    "onnx": "export",
    "DataLoader": "data",
    "bibtex": "cite",
    "photographs": "photographs",
    "FID": "measuring",
    "GPU": "devices",
    "floor": "glossary",
}


class Page(HTMLParser):
    """The links of a page, and the anchors in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value and tag != "link":
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def broken_links(root: Path) -> list[str]:
    """Links from a page to a file or an anchor that is not there."""
    paths = [path for path in root.rglob("*.html") if path.relative_to(root).parts[0] != "_static"]
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in paths}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            lost = not target.exists()
            listing = path.relative_to(root.resolve()).parts[0] == "_modules"  # whose links back know one name a module
            if not lost and target in pages and parts.fragment and not listing:
                lost = unquote(parts.fragment) not in pages[target].anchors
            if lost:
                broken.append(f"{path.relative_to(root.resolve())} -> {link}")
    return broken


def lost_searches(root: Path) -> list[str]:
    """Words whose page is not among the answers of the search."""
    text = (root / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text[text.index("{") : text.rindex("}") + 1])
    stem = SearchEnglish({}).stem
    lost = []
    for word, page in SEARCHES.items():
        found: set[int] = set()
        for table in ("terms", "titleterms"):
            hits = index[table].get(stem(word.lower()), [])
            found |= {hits} if isinstance(hits, int) else set(hits)
        if page not in {index["docnames"][number] for number in found}:
            lost.append(f"{word}: {page} is not found")
    return lost


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    faults = [*broken_links(folder), *lost_searches(folder)]
    print(*faults, f"{len(faults)} faults on {len(list(folder.rglob('*.html')))} pages", sep="\n")
    sys.exit(bool(faults))
