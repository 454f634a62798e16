"""The sdist and the wheel, built of a clean copy and tried outside the checkout: `python tests/outside.py dist`."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent

MADE = [
    ".*", "build", "dist", "*.egg-info", "__pycache__", "*.py[cod]", "htmlcov", "_build", "auto_examples", "generated",
    "output", "sg_execution_times.rst",
]  # fmt: skip
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"

TRY = """
import importlib, pkgutil, sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

import latentaug

home = Path(latentaug.__file__).parent
assert home.parent == Path(sys.argv[1]), f"another latentaug, in {home}"
assert (home / "py.typed").exists()
assert version("latentaug") == latentaug.__version__
names = [module.name for module in pkgutil.walk_packages([str(home)], "latentaug.")]
for name in names:
    importlib.import_module(name)
X = np.random.default_rng(0).random((32, 8, 8), dtype=np.float32)
augmenter = latentaug.LatentAugmenter(["flip_lr"], latentaug.VAE(4, max_iter=1), random_state=0).fit(X)
assert augmenter.transform(X).shape == X.shape
print(f"latentaug {latentaug.__version__}: {len(names)} modules import, and one fits, outside the checkout.")
"""


def python(*args, cwd, **environment):
    """What a new process of this Python prints."""
    command, env = [sys.executable, *map(str, args)], {**os.environ, **environment}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:4])} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def copy_of_checkout(folder):
    """The files of the checkout, nothing made of them, and no hidden ones."""
    return shutil.copytree(ROOT, Path(folder) / "copy", ignore=shutil.ignore_patterns(*MADE))


def build(copy, folder):
    """An sdist of a copy, and a wheel of that sdist, unpacked: paths of archive, sources and wheel. No network."""
    sdist = Path(folder) / python("-c", BUILD, "build_sdist", folder, cwd=copy).splitlines()[-1]
    shutil.unpack_archive(sdist, folder, filter="data")
    sources = Path(folder) / sdist.name.removesuffix(".tar.gz")
    return sdist, sources, Path(folder) / python("-c", BUILD, "build_wheel", folder, cwd=sources).splitlines()[-1]


def files_in(folder):
    """Paths of all files in a folder, from there."""
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def try_outside(sources, wheel, folder):
    """Install the wheel alone and use it; collect the tests of the sdist, and run the cheapest."""
    target = Path(folder) / "installed"
    python("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel, cwd=folder)
    print(python("-c", TRY, target, cwd=folder, PYTHONPATH=str(target)), end="")
    python("-m", "pytest", "--collect-only", "tests", cwd=sources)
    print(python("-m", "pytest", "tests/test_floors.py", "tests/test_views.py", cwd=sources), end="")


def main(destination):
    with tempfile.TemporaryDirectory() as folder:
        sdist, sources, wheel = build(copy_of_checkout(folder), folder)
        try_outside(sources, wheel, folder)
        Path(destination).mkdir(exist_ok=True)
        for archive in (sdist, wheel):
            print(shutil.copy(archive, destination))


if __name__ == "__main__":
    main(sys.argv[1])
