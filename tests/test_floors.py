"""The structure holds: imports run one way, heavy libraries come late, files stay short."""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

import latentaug

PACKAGE = Path(latentaug.__file__).parent

# From the ground up: a file imports only from below itself.
FLOORS = [
    {"_mapped", "convolutions"},
    {"_version", "_validation", "archive", "losses", "networks"},
    {"_contract", "_matrices", "datasets", "streams", "border", "checkpoints"},
    {"augs", "maps", "distributed"},
    {"views", "kinds", "labels", "refine", "settings", "measures", "lessons"},
    {"algebra", "codec", "errors", "nodes", "recursion", "training", "_callbacks"},
    {"persistence", "moments"},
    {"geometries", "objective", "scores", "torch_transformer"},
    {"stages", "fitting"},
    {"vae", "latent_transform", "methods"},
    {"generation"},
    {"verbs"},
    {"augmenter", "conditional", "resampling"},
    {"transfer", "baselines"},
    {"scorecard"},
    {"metrics", "drawing"},
    {"image_displays", "chart_displays", "table_displays"},
    {"displays"},
]
KNOWS_NO_TORCH = {
    "_mapped",
    "_contract",
    "_matrices",
    "archive",
    "checkpoints",
    "kinds",
    "nodes",
    "persistence",
    "_validation",
    "augs",
    "maps",
    "moments",
    "datasets",
    "views",
    "algebra",
    "measures",
    "errors",
    "recursion",
    "scores",
    "codec",
    "latent_transform",
    "generation",
    "verbs",
    "labels",
    "resampling",
}
FILES = sorted(path for path in PACKAGE.glob("*.py") if path.stem != "__init__")


def top_level_imports(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_file_stands_on_one_floor():
    assert sorted(path.stem for path in FILES) == sorted(stem for floor in FLOORS for stem in floor)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_imports_run_one_way(path):
    floor = next(k for k, floor in enumerate(FLOORS) if path.stem in floor)
    below = set().union(*FLOORS[:floor])
    for name in top_level_imports(path):
        parts = name.split(".")
        if parts[0] == "latentaug":
            assert {parts[1], *parts[2:3]} & below, f"{path.stem} imports {name}"


@pytest.mark.parametrize("stem", sorted(KNOWS_NO_TORCH))
def test_image_space_and_latent_space_know_no_torch(stem):
    heads = {name.split(".")[0] for name in top_level_imports(PACKAGE / f"{stem}.py")}
    assert not heads & {"torch", "torchvision", "cv2", "matplotlib"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_and_functions_stay_short(path):
    source = path.read_text()
    assert source.count("\n") <= 300
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert not body or node.end_lineno - body[0].lineno < 40, node.name


def test_importing_the_package_imports_nothing_heavy():
    heavy = ["torch", "torchvision", "cv2", "matplotlib", "pandas"]
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
