"""Every public function and method says what it takes and what it gives."""

import importlib
import inspect

import pytest

HOMES = ["latentaug", *(f"latentaug.{name}" for name in ("augs", "datasets", "displays", "latent", "metrics"))]


def public(home):
    """Names and functions of a module: its own, and the methods and properties of its classes."""
    for name in home.__all__:
        found = getattr(home, name)
        if inspect.isclass(found):
            for method in ("__init__", *(name for name in dir(found) if not name.startswith("_"))):
                yield f"{name}.{method}", behind(inspect.getattr_static(found, method))
        else:
            yield name, found


def behind(found):
    """The function behind a property, a class method, or a method that is there only sometimes."""
    for part in ("fget", "__func__", "fn", "func"):
        found = getattr(found, part, None) or found
    return found


@pytest.mark.parametrize("home", HOMES)
def test_every_public_parameter_and_result_has_a_type(home):
    bare, seen = [], 0
    for name, function in public(importlib.import_module(home)):
        if not inspect.isfunction(function) or not function.__module__.startswith("latentaug"):
            continue  # of scikit-learn, and data
        seen += 1
        signature = inspect.signature(inspect.unwrap(function))
        given = list(signature.parameters.values())[int("." in name) :]
        bare += [f"{name}({p.name})" for p in given if p.annotation is p.empty]
        if signature.return_annotation is signature.empty and not name.endswith("__init__"):
            bare.append(f"{name} -> ?")
    assert seen
    assert bare == []
