"""Images that a fresh machine can have: downloaded, out of packages, drawn by packages, or out of a folder."""

from latentaug.datasets.drawn import Avatars, Glyphs, TurningObjects, load_avatars, load_glyphs, load_turning_objects
from latentaug.datasets.idx import load_digits_sample, load_fashion_mnist, load_mnist, read_idx
from latentaug.datasets.pictures import Pictures, load_folder

__all__ = [
    "Avatars",
    "Glyphs",
    "Pictures",
    "TurningObjects",
    "load_avatars",
    "load_digits_sample",
    "load_fashion_mnist",
    "load_folder",
    "load_glyphs",
    "load_mnist",
    "load_turning_objects",
    "read_idx",
]
