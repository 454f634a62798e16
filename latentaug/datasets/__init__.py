"""Images that a fresh machine can have: downloaded, out of packages, drawn by packages, or out of a folder."""

from latentaug.datasets.drawn import Avatars, Glyphs, TurningObjects, load_avatars, load_glyphs, load_turning_objects
from latentaug.datasets.idx import load_digits_sample, load_mnist

__all__ = [
    "Avatars",
    "Glyphs",
    "TurningObjects",
    "load_avatars",
    "load_digits_sample",
    "load_glyphs",
    "load_mnist",
    "load_turning_objects",
]
