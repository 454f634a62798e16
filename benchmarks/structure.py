"""The structure of the package, measured on its source; and the modules that a fit and a transform open, traced.

    python -m benchmarks.structure
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import latentaug
from latentaug import VAE, LatentAugmenter

ROOT = Path(latentaug.__file__).parent
TREES = {
    ".".join(["latentaug", *p.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__"): ast.parse(p.read_text())
    for p in sorted(ROOT.rglob("*.py"))
}


def imports(name: str) -> set[str]:
    """The modules of the package that a module imports from, type checkers' imports aside."""
    froms = [n for n in TREES[name].body if isinstance(n, ast.ImportFrom)]
    names = {f"{n.module}.{alias.name}" for n in froms for alias in n.names}
    return {found for full in names if (found := full if full in TREES else full.rpartition(".")[0]) in TREES}


@cache
def depth(name: str) -> int:
    return 1 + max(map(depth, imports(name)), default=0)  # a circle would recurse for ever


def code(node: Any) -> int:
    """Lines of a function or class, docstrings not counted."""
    documented = [n for n in ast.walk(node) if hasattr(n, "name") and ast.get_docstring(n)]
    return node.end_lineno - node.lineno + 1 - sum(n.body[0].end_lineno - n.body[0].lineno + 1 for n in documented)


def nodes(*kinds: type) -> Iterator[Any]:
    return (node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, kinds))


def foreign_private_names() -> list[str]:
    private = (n for n in nodes(ast.Attribute) if n.attr.startswith("_") and not n.attr.startswith("__"))
    own = ("self", "cls", "np", "nn.init")
    return [ast.unparse(n) for n in private if ast.unparse(n.value) not in own]


def opened(call: Callable[[], object]) -> set[str]:
    """The modules of the package in which a function runs during a call."""
    files: set[str] = set()
    sys.setprofile(lambda frame, event, arg: files.add(frame.f_code.co_filename) if event == "call" else None)
    try:
        call()
    finally:
        sys.setprofile(None)
    return {Path(file).relative_to(ROOT).as_posix() for file in files if Path(file).is_relative_to(ROOT)}


def measure() -> dict[str, Any]:
    functions, classes = list(nodes(ast.FunctionDef)), list(nodes(ast.ClassDef))
    X = np.random.default_rng(0).random((32, 8, 8), dtype=np.float32)
    augmenter = LatentAugmenter(["flip_lr", "flip_ud"], VAE(latent_dim=4, max_iter=1), random_state=0)
    return {
        "modules": len(TREES),
        "storeys": len({name.split(".")[1] for name in TREES if "." in name}),
        "import depth": max(map(depth, TREES)),
        "arrows": sum(len(imports(name)) for name in TREES),
        "longest function": max(map(code, functions)),
        "functions over 40 lines": [f.name for f in functions if code(f) > 40],
        "largest class": max((code(c), c.name) for c in classes),
        "most bases": max(len(c.bases) for c in classes),
        "foreign private names": foreign_private_names(),
        "opened by fit": len(opened(lambda: augmenter.fit(X))),
        "opened by transform": len(opened(lambda: augmenter.transform(X))),
        "lines": sum(len(p.read_text().splitlines()) for p in ROOT.rglob("*.py")),
    }


if __name__ == "__main__":
    for what, found in measure().items():
        print(f"{what:<24}{found}")
