"""The structure of the package, measured on its source, and what a fit and a transform open."""

import ast
import sys
from functools import cache
from pathlib import Path

import numpy as np

import latentaug

ROOT = Path(latentaug.__file__).parent
SOURCES = {p.relative_to(ROOT.parent).with_suffix(""): p.read_text() for p in sorted(ROOT.rglob("*.py"))}
TREES = {".".join(path.parts).removesuffix(".__init__"): ast.parse(source) for path, source in SOURCES.items()}
NODES = [node for tree in TREES.values() for node in ast.walk(tree)]
FUNCTIONS, CLASSES = ([node for node in NODES if isinstance(node, kind)] for kind in (ast.FunctionDef, ast.ClassDef))


def imports(module):
    """The modules that a module imports from, those for type checkers only left out."""
    froms = [node for node in TREES[module].body if isinstance(node, ast.ImportFrom)]
    names = [(node.module, f"{node.module}.{alias.name}") for node in froms for alias in node.names]
    return {name if name in TREES else source for source, name in names} & TREES.keys()


@cache
def depth(module):
    return 1 + max(map(depth, imports(module)), default=0)  # the longest way down; a circle would have no end


def code(node):  # lines of the body of a function or class without its docstrings
    named = [part for part in ast.walk(node) if isinstance(part, ast.FunctionDef | ast.ClassDef)]
    docs = [part.body[0] for part in named if ast.get_docstring(part)]
    return node.end_lineno - node.body[0].lineno + 1 - sum(doc.end_lineno - doc.lineno + 1 for doc in docs)


def opened(call):
    files = set()  # in which a function runs during a call
    sys.setprofile(lambda frame, event, _: files.add(frame.f_code.co_filename) if event == "call" else None)
    call()
    sys.setprofile(None)
    return sorted(str(Path(file).relative_to(ROOT)) for file in files if Path(file).is_relative_to(ROOT))


def measure():
    private = [n for n in NODES if isinstance(n, ast.Attribute) and n.attr[0] == "_" != n.attr[1]]
    foreign = [
        name for n in private if (name := ast.unparse(n)).split(".")[0] not in ("self", "cls", "super()", "np", "nn")
    ]
    augmenter = latentaug.LatentAugmenter(["flip_lr", "flip_ud"], latentaug.VAE(4, max_iter=1), random_state=0)
    X, long = np.random.default_rng(0).random((32, 8, 8), np.float32), [f.name for f in FUNCTIONS if code(f) > 40]
    found = {"modules": len(TREES), "storeys": len({name.split(".")[1] for name in TREES if "." in name})}
    found |= {"depth": max(map(depth, TREES)), "arrows": sum(len(imports(name)) for name in TREES)}
    found |= {"lines": sum(source.count("\n") for source in SOURCES.values()), "foreign private names": foreign}
    found |= {"longest function": max(map(code, FUNCTIONS)), "functions over 40 lines": long}
    found |= {"largest class": max(map(code, CLASSES)), "most bases": max(len(c.bases) for c in CLASSES)}
    return found | {"fit": opened(lambda: augmenter.fit(X)), "transform": opened(lambda: augmenter.transform(X))}


if __name__ == "__main__":
    for what, found in measure().items():
        print(f"{what:<24}", *([len(found), *found] if isinstance(found, list) else [found]))
