"""The structure holds: storeys, imports that run downward, heavy libraries late, functions short."""

import ast
import configparser
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import latentaug

PACKAGE = Path(latentaug.__file__).parent

# From the ground up: a file imports from its own storey and from those below it.
STOREYS = [
    "_version", "_checks", "_rows", "_files", "_sources", "images", "datasets", "augs", "latent", "learn",
    "persistence", "models", "metrics", "displays",
]  # fmt: skip
# Beside the storey `learn`: the estimators that hold a network, or what is learned of maps.
KNOW_TORCH = {"models.vae", "models.augmenter", "models.transfer"}


def imported(nodes):
    """Dotted names of what some nodes of a file import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(dotted):
    """The module of the package that a dotted name is in."""
    return max((name for name in TREES if f"{dotted}.".startswith(f"latentaug.{name}.")), key=len)


TREES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): ast.parse(path.read_text())
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.parent != PACKAGE or path.stem != "__init__"
}
BELOW = {
    name: {module_of(dotted) for dotted in imported(ast.walk(tree)) if dotted.startswith("latentaug.")}
    for name, tree in TREES.items()
}
every_module = pytest.mark.parametrize("name", TREES)


@every_module
def test_imports_run_downward(name):
    storeys = [STOREYS.index(module.split(".")[0]) for module in (*BELOW[name], name)]
    assert max(storeys) == storeys[-1]


def test_no_imports_run_in_a_circle():
    assert len(list(TopologicalSorter(BELOW).static_order())) == len(TREES)


@every_module
def test_what_is_not_learned_knows_no_torch_and_nothing_draws_when_it_is_imported(name):
    heads = {dotted.split(".")[0] for dotted in imported(TREES[name].body)}
    assert not heads & {"torchvision", "cv2", "matplotlib", "pandas"}
    assert ("torch" in heads) <= (name.startswith("learn.") or name in KNOW_TORCH)


def lines_of(nodes):
    """The lines that some nodes stand on."""
    return {k for node in nodes for k in range(node.lineno, node.end_lineno + 1)}


@every_module
def test_files_functions_and_families_stay_small(name):
    path = PACKAGE / name.replace(".", "/")
    source = path.joinpath("__init__.py") if path.is_dir() else path.with_suffix(".py")
    written = {k for k, line in enumerate(source.read_text().splitlines(), start=1) if line.strip()}
    holders = [node for node in ast.walk(TREES[name]) if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))]
    docstrings = lines_of(node.body[0] for node in holders if ast.get_docstring(node))
    assert len(written - docstrings) <= 350
    for node in holders:
        if isinstance(node, ast.FunctionDef):
            assert len(lines_of(node.body) - docstrings) <= 40, node.name
        if isinstance(node, ast.ClassDef):
            assert len(node.bases) <= 3, node.name


@pytest.mark.slow
@pytest.mark.skipif(not (PACKAGE.parent / "benchmarks").exists(), reason="needs the repository, not a wheel")
def test_the_house_keeps_its_measures(monkeypatch):
    monkeypatch.syspath_prepend(PACKAGE.parent)
    from benchmarks.structure import measure

    found = measure()
    assert found["modules"] <= 74
    assert found["depth"] <= 14
    assert found["arrows"] <= 334
    assert found["most bases"] <= 3
    assert found["functions over 40 lines"] == found["foreign private names"] == []
    assert len(found["fit"]) <= 28, found["fit"]
    assert len(found["transform"]) <= 18, found["transform"]


def test_importing_the_package_imports_nothing_heavy():
    heavy = ["torch", "torchvision", "cv2", "matplotlib", "pandas", "sklearn", "scipy"]
    code = f"import sys, latentaug; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there_and_documented():
    for name in latentaug.__all__:
        assert getattr(latentaug, name) is not None
        assert name in dir(latentaug)
    for name in set(latentaug.__all__) - {"__version__"}:
        cls = getattr(latentaug, name)
        methods = [m for m in vars(cls) if not m.startswith("_") and callable(getattr(cls, m))]
        assert all(getattr(cls, m).__doc__ for m in methods), name
    with pytest.raises(AttributeError, match="no attribute 'Augmenter'"):
        latentaug.Augmenter  # noqa: B018  (the access is the test)


@pytest.mark.skipif(not (PACKAGE.parent / "setup.cfg").exists(), reason="needs the repository, not a wheel")
def test_setup_cfg_holds_settings_of_tools_only():
    parser = configparser.ConfigParser()
    parser.read(PACKAGE.parent / "setup.cfg")
    assert not {"metadata", "options"} & set(parser.sections())
