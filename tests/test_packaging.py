"""sdist and wheel hold what they must, and what is declared in two places agrees."""

import re
import zipfile

import pytest
from outside import ROOT, build, copy_of_checkout, files_in

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
pytest.importorskip("setuptools", minversion="77")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A clean copy of the checkout, the sdist of it, unpacked, and the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    copy = copy_of_checkout(folder)
    checked_out = files_in(copy)
    _, sources, wheel = build(copy, folder)
    return checked_out, files_in(sources), set(zipfile.ZipFile(wheel).namelist())


def test_the_sdist_holds_every_file_of_the_checkout(built):
    checked_out, sdist, _ = built
    assert {"tests/conftest.py", "tests/two_processes.py", "setup.cfg", "Makefile"} <= checked_out
    assert checked_out <= sdist


def test_the_wheel_holds_the_package_and_nothing_else(built):
    checked_out, _, wheel = built
    package = {path for path in checked_out if path.startswith("latentaug/")}
    assert "latentaug/py.typed" in package
    assert {path for path in wheel if ".dist-info/" not in path} == package


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_lowest_constraints_are_the_declared_bounds():
    lines = (ROOT / "constraints" / "lowest.txt").read_text().splitlines()
    pinned = dict(line.removesuffix(".*").split("==") for line in lines if "==" in line)
    declared = [*project()["dependencies"], *project()["optional-dependencies"]["distributed"]]
    bounds = dict(requirement.split(">=") for requirement in declared if ">=" in requirement)
    assert pinned == bounds


def test_the_page_of_a_registry_has_no_link_that_ends_nowhere():
    links = re.findall(r"\]\(([^)]*)\)", (ROOT / "README.md").read_text())
    assert links
    assert all(link.startswith("https://") for link in links)
