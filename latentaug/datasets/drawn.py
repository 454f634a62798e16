"""Images that packages draw: glyphs in four faces, cartoon faces with attributes, turning objects."""

from __future__ import annotations

import hashlib
import io
import os
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from latentaug.datasets.homes import brief, folders, kept

__all__ = ["Avatars", "Glyphs", "TurningObjects", "load_avatars", "load_glyphs", "load_turning_objects"]

Home = str | os.PathLike[str] | None
Views = dict[tuple[str, ...], np.ndarray]

FACES = {
    "regular": "DejaVuSans.ttf",
    "bold": "DejaVuSans-Bold.ttf",
    "oblique": "DejaVuSans-Oblique.ttf",
    "bold oblique": "DejaVuSans-BoldOblique.ttf",
}
CHANGES = {  # attributes that a face has or has not: the part that it changes, without and with it
    "glasses": ("accessory", "none", "prescription_2"),
    "beard": ("facial_hair", "none", "beard_medium"),
    "smile": ("mouth", "serious", "smile"),
}
# Hair that takes its colour, and hides neither glasses nor beard.
HAIR = (
    "big_hair bob bun caesar caesar_side_part curly curvy frizzle fro long_not_too_long mia_wallace short_curly "
    "short_dreads_1 short_dreads_2 short_flat short_round short_waved straight_1 straight_strand braids buzzcut "
    "cornrows dreadlocks elvis mohawk pompadour quiff twist_long_hair"
)
PARTS = {  # parameter of an avatar: its enumeration, and the names that are drawn from
    "skin_color": ("SkinColor", "tanned yellow pale light brown dark_brown black"),
    "top": ("HairType", HAIR),
    "hair_color": (
        "HairColor",
        "auburn black blonde blonde_golden brown brown_dark pastel_pink platinum red silver_gray",
    ),
    "eyes": ("EyeType", "default closed happy side squint surprised wink"),
    "eyebrows": ("EyebrowType", "default angry flat_natural raised_excited sad_concerned up_down"),
    "nose": ("NoseType", "default small wide"),
    "clothing": (
        "ClothingType",
        "collar_sweater hoodie overall shirt_crew_neck shirt_scoop_neck shirt_v_neck",
    ),
    "clothing_color": (
        "ClothingColor",
        "black blue_01 blue_02 blue_03 gray_01 gray_02 heather pastel_blue pastel_green pastel_orange pastel_yellow "
        "pink red white",
    ),
}
NAMED = {"skin_color": "skin", "top": "hair"}  # attributes under a plainer name than the parameter's
ENUMERATIONS = {"accessory": "AccessoryType", "facial_hair": "FacialHairType", "mouth": "MouthType"}
N_OBJECTS = 1000
EDITION = 1  # of the drawings below: another one is not looked for among those kept


@dataclass(frozen=True, eq=False)
class Glyphs:
    """Characters, each drawn in four faces of one family of fonts; row by row the same characters.

    Parameters
    ----------
    images : ndarray of shape (n, size, size), dtype uint8
        The regular face, white on black.
    faces : dict of str to ndarray
        The images of each face: ``"regular"``, ``"bold"``, ``"oblique"``, ``"bold oblique"``.
    characters : ndarray of shape (n,)
        The character on each image.
    """

    images: np.ndarray = field(repr=False)
    faces: dict[str, np.ndarray] = field(repr=False)
    characters: np.ndarray

    @property
    def views(self) -> Views:
        """The other faces as `LatentAugmenter.fit` takes them: bold, oblique, and both."""
        return {tuple(name.split()): face for name, face in self.faces.items() if name != "regular"}


@dataclass(frozen=True, eq=False)
class Avatars:
    """Cartoon faces, with what each of them has.

    Parameters
    ----------
    images : ndarray of shape (n, size, size, 3), dtype uint8
        The faces, on white.
    attributes : dict of str to ndarray of shape (n,)
        Of `images`: ``"glasses"``, ``"beard"`` and ``"smile"`` are truths; ``"skin"``, ``"hair"``, ``"hair_color"``,
        ``"eyes"``, ``"eyebrows"``, ``"nose"``, ``"clothing"`` and ``"clothing_color"`` are names.
    views : dict of tuple to ndarray
        The same faces with each attribute that was asked for as a pair, and with all combinations of them, as
        `LatentAugmenter.fit` takes them.
    """

    images: np.ndarray = field(repr=False)
    attributes: dict[str, np.ndarray] = field(repr=False)
    views: Views = field(repr=False, default_factory=dict)


@dataclass(frozen=True, eq=False)
class TurningObjects:
    """Objects, each seen at the same angles.

    Parameters
    ----------
    images : ndarray of shape (n_objects, n_angles, size, size, 3), dtype uint8
        The objects, on white.
    angles : ndarray of shape (n_angles,)
        By how much the object is turned about the vertical axis, in degrees, counterclockwise as seen from above.
    """

    images: np.ndarray = field(repr=False)
    angles: np.ndarray


def load_glyphs(*, size: int = 32, data_home: Home = None) -> Glyphs:
    """Draw the characters of the DejaVu fonts, each in four faces: regular, bold, oblique and bold oblique.

    The fonts lie inside matplotlib (``pip install latentaug[datasets]``), and nothing is downloaded. The characters are
    those that all four faces have: letters, digits, punctuation and symbols of many scripts, without spaces, marks that
    stand on other letters, and private ones. Some look alike, such as a Latin A and a Greek Alpha. Their order is
    shuffled, and the same at every call, so that any slice shows every script. Baseline and width of a character
    place it in the image; the edge cuts five very wide ones.

    The DejaVu fonts are free, under the licence of Bitstream Vera, which asks that changed fonts get another name;
    DejaVu's changes to Vera are in the public domain, and some glyphs are Tavmjong Bah's, on the same terms.

    Parameters
    ----------
    size : int, default=32
        Height and width of an image, at least 8.
    data_home : str or path-like, default=None
        A folder to look into before that of ``LATENTAUG_DATA`` and the user's cache, and to keep the images in.

    Returns
    -------
    glyphs : Glyphs
        ``images``, ``faces``, ``characters`` and ``views``.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from latentaug.datasets import load_glyphs
    >>> glyphs = load_glyphs(size=16)
    >>> glyphs.images.shape[1:], sorted(glyphs.faces)
    ((16, 16), ['bold', 'bold oblique', 'oblique', 'regular'])
    >>> list(glyphs.views)
    [('bold',), ('oblique',), ('bold', 'oblique')]
    """
    _check_whole("size", size, 8)
    folders(data_home)
    with _out_of("load_glyphs", "datasets"):
        made_by = f"matplotlib{version('matplotlib')}-pillow{version('pillow')}"
        arrays = kept(f"glyphs{EDITION}-{size}-{made_by}", data_home, lambda: _draw_glyphs(size))
    return Glyphs(arrays["regular"], {name: arrays[name] for name in FACES}, arrays["characters"])


def load_avatars(
    n: int = 1000, *, size: int = 64, paired: Sequence[str] = (), random_state: int = 0, data_home: Home = None
) -> Avatars:
    """Draw cartoon faces with known attributes: glasses, beard, smile, skin, hair and what else tells them apart.

    They are drawn by the package python-avatars (MIT licence; its parts are those of Pablo Stanley's Avataaars, whose
    own terms stand at avataaars.com) and made pixels by resvg-py (MIT licence): ``pip install latentaug[datasets]``.

    Parameters
    ----------
    n : int, default=1000
        Number of faces.
    size : int, default=64
        Height and width of an image, at least 8.
    paired : sequence of {"glasses", "beard", "smile"}, default=()
        Attributes to give pairs of: `images` are then all without them, and `views` holds the same faces with each of
        them, and with every combination. Without it, half of the faces have each attribute, each on its own.
    random_state : int, default=0
        Seed of the faces. The first faces of a longer draw are those of a shorter one.
    data_home : str or path-like, default=None
        A folder to look into before that of ``LATENTAUG_DATA`` and the user's cache, and to keep the images in.

    Returns
    -------
    avatars : Avatars
        ``images``, ``attributes`` and ``views``.

    Raises
    ------
    ImportError
        If python-avatars, resvg-py or Pillow is not installed.

    Examples
    --------
    >>> from latentaug.datasets import load_avatars
    >>> faces = load_avatars(4, size=16, paired=["glasses", "beard"])  # doctest: +SKIP
    >>> faces.images.shape, list(faces.views)  # doctest: +SKIP
    ((4, 16, 16, 3), [('glasses',), ('beard',), ('glasses', 'beard')])
    """
    _check_whole("n", n, 1)
    _check_whole("size", size, 8)
    _check_whole("random_state", random_state, 0)
    names = _check_paired(paired)
    folders(data_home)
    attributes = _draw_attributes(n, random_state)
    attributes |= {name: np.zeros(n, dtype=bool) for name in names}
    pairs = [pair for k in range(len(names) + 1) for pair in combinations(names, k)]
    with _out_of("load_avatars", "datasets"):
        made_by = "-".join(f"{package}{version(package)}" for package in ("python_avatars", "resvg_py"))
        key = f"avatars{EDITION}-{n}-{size}-{random_state}-{'_'.join(sorted(names))}-{made_by}"
        arrays = kept(key, data_home, lambda: _draw_avatars(attributes, pairs, size))
    views = {pair: arrays[_key(pair)] for pair in pairs}
    return Avatars(views.pop(()), attributes, views)


def load_turning_objects(
    n_objects: int = N_OBJECTS, *, angles: int | Sequence[float] = 12, size: int = 48, data_home: Home = None
) -> TurningObjects:
    """Draw the 1,000 random objects of pybullet, each turned about the vertical axis by the same angles.

    They are plain coloured bodies, seen from a little above, on white; camera and light stand still, and the edge cuts
    about one image in forty. The package pybullet (zlib licence) holds them and draws them on the processor, by its
    TinyRenderer: ``pip install latentaug[objects]``. For Linux it has wheels up to Python 3.11; elsewhere pip compiles.

    Parameters
    ----------
    n_objects : int, default=1000
        Number of objects, at most 1,000; the first ones.
    angles : int or sequence of float, default=12
        Number of angles, evenly spread over a full turn from 0, or the angles themselves in degrees.
    size : int, default=48
        Height and width of an image, at least 8.
    data_home : str or path-like, default=None
        A folder to look into before that of ``LATENTAUG_DATA`` and the user's cache, and to keep the images in.

    Returns
    -------
    objects : TurningObjects
        ``images`` and ``angles``.

    Raises
    ------
    ImportError
        If pybullet is not installed.

    Examples
    --------
    >>> from latentaug.datasets import load_turning_objects
    >>> objects = load_turning_objects(2, angles=4, size=16)  # doctest: +SKIP
    >>> objects.images.shape, objects.angles  # doctest: +SKIP
    ((2, 4, 16, 16, 3), array([  0.,  90., 180., 270.]))
    """
    _check_whole("n_objects", n_objects, 1)
    if n_objects > N_OBJECTS:
        raise ValueError(f"n_objects must be an integer from 1 to {N_OBJECTS}. Got {n_objects}.")
    _check_whole("size", size, 8)
    degrees = _check_angles(angles)
    folders(data_home)
    with _out_of("load_turning_objects", "objects"):
        digest = hashlib.sha256(degrees.tobytes()).hexdigest()[:16]
        key = f"objects{EDITION}-{n_objects}-{size}-{digest}-pybullet{version('pybullet')}"
        arrays = kept(key, data_home, lambda: {"images": _draw_objects(n_objects, degrees, size)})
    return TurningObjects(arrays["images"], degrees)


def _check_whole(parameter: str, value: Any, low: int) -> None:
    from latentaug._checks import check_number  # which brings scikit-learn, and that takes a second

    check_number(parameter, value, low=low, integer=True)


def _check_paired(paired: Any) -> tuple[str, ...]:
    """Names of attributes, each at most once."""
    names = tuple(paired) if isinstance(paired, (list, tuple)) else ()
    if not isinstance(paired, (list, tuple)) or len(set(map(str, names))) < len(names) or not {*names} <= {*CHANGES}:
        raise ValueError(f"paired must hold some of {', '.join(CHANGES)}, each once. Got {brief(paired)}.")
    return names


def _check_angles(angles: Any) -> np.ndarray:
    """Angles in degrees, (n_angles,)."""
    if isinstance(angles, (int, np.integer)) and not isinstance(angles, bool):
        _check_whole("angles", angles, 1)
        return np.arange(angles) * (360 / angles)
    try:
        degrees = np.asarray(angles, dtype=np.float64)
    except (TypeError, ValueError):
        degrees = np.empty(0)
    if degrees.ndim != 1 or not degrees.size or not np.isfinite(degrees).all():
        raise ValueError(f"angles must be their number, or a sequence of degrees. Got {brief(angles)}.")
    return degrees


@contextmanager
def _out_of(loader: str, extra: str) -> Iterator[None]:
    """A package that is missing, in one line that names the cure."""
    try:
        yield
    except ImportError as error:  # PackageNotFoundError is one
        missing = f"{loader} needs a package that is not here, {error.name}"
        raise ImportError(f"{missing}: pip install latentaug[{extra}]") from None


def _draw_glyphs(size: int) -> dict[str, np.ndarray]:
    """Images of every face, and the characters, in an order that is always the same."""
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font
    from PIL import ImageFont

    paths = {face: str(Path(get_data_path(), "fonts", "ttf", name)) for face, name in FACES.items()}
    codes = set.intersection(*(set(FT2Font(path).get_charmap()) for path in paths.values()))
    drawn = [chr(code) for code in sorted(codes) if unicodedata.category(chr(code))[0] not in "CMZ"]
    characters = np.random.default_rng(2303).permutation(drawn)
    arrays = {"characters": characters}
    for face, path in paths.items():
        font = ImageFont.truetype(path, 5 * size // 8, layout_engine=ImageFont.Layout.BASIC)
        arrays[face] = np.stack([_draw_glyph(character, font, size) for character in characters])
    return arrays


def _draw_glyph(character: str, font: Any, size: int) -> np.ndarray:
    from PIL import Image, ImageDraw

    image = Image.new("L", (size, size))
    ImageDraw.Draw(image).text((size // 2, 23 * size // 32), character, fill=255, font=font, anchor="ms")
    return np.asarray(image)


def _draw_attributes(n: int, random_state: int) -> dict[str, np.ndarray]:
    """What each face has; a generator for each attribute, so that more faces begin with the same ones."""
    names = [*CHANGES, *PARTS]
    rngs = {name: np.random.default_rng([random_state, k]) for k, name in enumerate(names)}
    truths = {name: rngs[name].random(n) < 0.5 for name in CHANGES}
    parts = {
        NAMED.get(name, name): _draw_word(words.split(), rngs[name].random(n)) for name, (_, words) in PARTS.items()
    }
    return truths | parts


def _draw_word(words: list[str], draws: np.ndarray) -> np.ndarray:
    """One of some words for every number in [0, 1)."""
    return np.array(words)[(draws * len(words)).astype(int)]


def _key(pair: Sequence[str]) -> str:
    """Name of a combination of attributes among the arrays that are kept."""
    return "+".join(sorted(pair)) or "none"


def _draw_avatars(
    attributes: dict[str, np.ndarray], pairs: Sequence[tuple[str, ...]], size: int
) -> dict[str, np.ndarray]:
    """Every face, with each combination of attributes added."""
    faces = [dict(zip(attributes, face, strict=True)) for face in zip(*attributes.values(), strict=True)]
    return {
        _key(pair): np.stack([_draw_avatar(face | dict.fromkeys(pair, True), size) for face in faces]) for pair in pairs
    }


def _draw_avatar(face: dict[str, Any], size: int) -> np.ndarray:
    """One face (size, size, 3), as high as the image, on white."""
    import python_avatars
    from PIL import Image
    from resvg_py import svg_to_bytes

    parts = {name: (kind, face[NAMED.get(name, name)]) for name, (kind, _) in PARTS.items()}
    for attribute, (name, *states) in CHANGES.items():
        parts[name] = (ENUMERATIONS[name], states[int(face[attribute])])
    chosen = {name: getattr(python_avatars, kind)[part.upper()] for name, (kind, part) in parts.items()}
    style = python_avatars.AvatarStyle.TRANSPARENT
    svg = python_avatars.Avatar(style, facial_hair_color=chosen["hair_color"], **chosen).render()
    png = svg_to_bytes(svg_string=svg, height=size, background="#ffffff", skip_system_fonts=True)
    drawn = Image.open(io.BytesIO(bytes(png))).convert("RGB")
    image = Image.new("RGB", (size, size), "white")
    image.paste(drawn, ((size - drawn.width) // 2, 0))
    return np.asarray(image)


def _draw_objects(n: int, degrees: np.ndarray, size: int) -> np.ndarray:
    """The first n objects at every angle, (n, n_angles, size, size, 3)."""
    bullet, folder = import_module("pybullet"), Path(import_module("pybullet_data").getDataPath(), "random_urdfs")
    client = bullet.connect(bullet.DIRECT)
    try:
        view = bullet.computeViewMatrixFromYawPitchRoll([0, 0, 0], 0.33, 0, -25, 0, 2)
        camera = (size, size, view, bullet.computeProjectionMatrixFOV(30, 1, 0.05, 2))
        images = np.empty((n, len(degrees), size, size, 3), dtype=np.uint8)
        for k in range(n):
            body = bullet.loadURDF(str(folder / f"{k:03d}" / f"{k:03d}.urdf"), physicsClientId=client)
            for angle, image in zip(degrees, images[k], strict=True):
                turn = bullet.getQuaternionFromEuler([0, 0, np.deg2rad(angle)])
                bullet.resetBasePositionAndOrientation(body, [0, 0, 0], turn, physicsClientId=client)
                options = {"shadow": 0, "renderer": bullet.ER_TINY_RENDERER, "physicsClientId": client}
                image[:] = np.reshape(bullet.getCameraImage(*camera, **options)[2], (size, size, 4))[..., :3]
            bullet.removeBody(body, physicsClientId=client)
        return images
    finally:
        bullet.disconnect(client)
