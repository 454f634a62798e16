"""What the displays draw with: axes, words, views of images, grids of images, and `plot`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

from latentaug._checks import check_model, check_number, shown, unknown_name
from latentaug.augs.catalogue import CATALOGUE, name_augs
from latentaug.augs.steps import as_composition, as_compositions, powers, say
from latentaug.augs.views import Views, declare_views
from latentaug.images import check_images
from latentaug.models.errors import check_names, model_views

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure, SubFigure
    from typing_extensions import Self

__all__ = [
    "ChartDisplay", "ImageDisplay", "ImageGrid", "as_unit", "find_colours", "import_pyplot", "in_words",
    "known_views", "named_models", "narrow", "stack_in_unit", "start_axes", "start_panels", "tried_views",
    "turn_if_crowded",
]  # fmt: skip

TILE = 0.75  # inches of the longer side of an image
LETTER = 0.07  # inches of a letter, more or less
FEWEST = 32  # letters in a line
THEN = "then\N{NO-BREAK SPACE}"


def import_pyplot() -> Any:
    """``matplotlib.pyplot``, or one line on how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("Plots need matplotlib, which does not import: pip install latentaug[plots]") from None
    return plt


def start_axes(ax: Any, size: tuple[float, float]) -> Any:
    """The axes to draw on: those given, else those of a new figure of so many inches."""
    if ax is None:
        return import_pyplot().subplots(figsize=size, layout="constrained")[1]
    if not hasattr(ax, "imshow"):
        raise TypeError(f"ax must be a matplotlib Axes. Got {type(ax).__name__}.")
    return ax


def start_panels(figure: Any, size: tuple[float, float], width_ratios: Sequence[float], *, sharex: bool = False) -> Any:
    """Figure and axes side by side: in the figure given, else in a new one of so many inches."""
    if figure is None:
        figure = import_pyplot().figure(figsize=size, layout="constrained")
    if not hasattr(figure, "subplots"):
        raise TypeError(f"figure must be a matplotlib Figure or SubFigure. Got {type(figure).__name__}.")
    if figure.get_layout_engine() is None:
        figure.figure.set_layout_engine("constrained")
    axes = figure.subplots(1, len(width_ratios), width_ratios=width_ratios, sharex=sharex, squeeze=False)
    return figure, axes[0]


def turn_if_crowded(ax: Any) -> None:
    """Stand the labels of the columns upright where they would overlap."""
    ax.figure.figure.draw_without_rendering()
    labels = [label for tick in ax.xaxis.get_major_ticks() for label in (tick.label1, tick.label2)]
    boxes = [label.get_window_extent() for label in labels if label.get_visible()]
    if any(left.x1 > right.x0 - 3 for left, right in pairwise(boxes)):
        ax.tick_params(axis="x", rotation=90)
        ax.set_xticks(ax.get_xticks(), [label.get_text().replace("\n", " ") for label in ax.get_xticklabels()])


def find_colours(cmap: Any) -> Any:
    """The colormap that a parameter names."""
    try:
        return import_pyplot().get_cmap(cmap)
    except (ValueError, TypeError):
        allowed = "the names in matplotlib.colormaps, such as gray and gray_r, or a Colormap"
        raise ValueError(f"Unknown cmap {shown(cmap)}. Allowed: {allowed}.") from None


def in_words(named: Any, width: int = 24) -> str:
    """A name, or a composition in any spelling, as a label, wrapped before a "then"."""
    words = named if isinstance(named, str) else say(as_composition("A composition", named))
    lines = textwrap.fill(words.replace("then ", THEN), width, break_long_words=False, break_on_hyphens=False)
    return lines.replace(THEN, "then ")


def narrow(text: str, inches: float) -> str:
    """A text in lines of so many inches, or a little more where that is too few letters."""
    return textwrap.fill(text, max(FEWEST, int(inches / LETTER)))


def named_models(model: Any, label: str) -> Mapping[str, Any]:
    """One model under a label, or several under their own."""
    models = model if isinstance(model, Mapping) else {label: model}
    if not models:
        raise ValueError("model must be a fitted model, or a dict of at least one. Got an empty dict.")
    return models


def known_views(model: Any, X: Any, compositions: Any = None, n_images: int | None = None, views: Any = None) -> Views:
    """Views of the first few images: those asked for, else all that the model was trained on and can be made.

    Of those given as arrays, the first few images that have all.
    """
    check_model(model)
    images = check_images(model, X, reset=False)
    trained = [composition for composition in model.compositions_ if model.knows(composition)]
    asked = trained if compositions is None else as_compositions(compositions)
    if views is not None:
        check_names(model, (name for name, _ in powers(chain(*asked))))
        data = model_views(model, images, asked, views).complete(len(images))
        return data.rows(np.arange(len(data))[:n_images])
    images, given = images[:n_images], name_augs(model.augs or model.aug_names_)
    if compositions is None:
        return Views(images, given, model.format_, compositions=asked)
    functions = [name for name, aug in given.items() if aug is not None]
    for name, _ in powers(chain(*asked)):
        if name not in functions:
            raise unknown_name("augmentation", name, functions, "Known as functions of images")
    return Views(images, given, model.format_, compositions=asked)


def tried_views(X: Any, augs: Any, n_images: int, image_shape: Any) -> Views:
    """Views of the first few images by augmentations, which are tried: those given, else all that keep the shape."""
    check_number("n_images", n_images, low=1, integer=True)
    holder = BaseEstimator()  # of the format of the images
    images = check_images(holder, X, reset=True, image_shape=image_shape)[:n_images]
    if augs is None:
        augs = [aug for aug in CATALOGUE.values() if aug(images).shape == images.shape]
    return declare_views(images, augs, holder.format_, {})


def stack_in_unit(model: Any, images: np.ndarray, n_axes: int = 1) -> np.ndarray:
    """Images that a model gave, flat or not, as a stack in [0, 1]; of the axes, so many count them."""
    return model.format_.to_unit(images.reshape(*images.shape[:n_axes], *model.format_.image_shape))


def as_unit(images: Any) -> np.ndarray:
    """Images to draw as floats in [0, 1]: integers are 0..255, floats are cut."""
    images = np.asarray(images)
    if images.ndim not in (3, 4) or not images.size:
        raise ValueError(f"Images to draw must be (n, H, W) or (n, H, W, C). Got an array of shape {images.shape}.")
    return np.clip(images / 255 if images.dtype.kind in "ui" else images.astype(float), 0, 1)


def _to_rgb(images: np.ndarray, cmap: Any) -> np.ndarray:
    """Images (n, H, W, 3) in [0, 1]; of neither three nor four channels the mean is shown, as grey."""
    if images.ndim == 4 and images.shape[-1] in (3, 4):
        return images[..., :3]
    grey = images if images.ndim == 3 else images.mean(axis=-1)
    return cmap(grey)[..., :3]


def _thicken(images: np.ndarray, most: int = 2) -> np.ndarray:
    """Repeat the pixels of images more than twice as long as wide, such as those of one row."""
    height, width = images.shape[1:3]
    return images.repeat(max(1, width // (most * height)), axis=1).repeat(max(1, height // (most * width)), axis=2)


def _starts(n_tiles: int, side: int, gap: int, breaks: Iterable[int]) -> np.ndarray:
    """Pixel at which each tile of a row starts; the gap before a break is wide."""
    gaps = np.full(n_tiles, gap)
    gaps[list(breaks)] = 4 * gap
    gaps[0] = 0
    return np.cumsum(gaps) + side * np.arange(n_tiles)


@dataclass(frozen=True)
class ImageGrid:
    """Rows of images, with a label beside each row and a title above each column.

    The rows of a group stand close together, each a label and images (n, H, W) or (n, H, W, C). All images are of one
    size; rows may differ in length. A wider gap sets off a column of `column_breaks` from the one before.
    """

    groups: Sequence[Sequence[tuple[str, Any]]]
    column_titles: Sequence[str] = ()
    column_breaks: Sequence[int] = ()
    title: str = ""  # above
    note: str = ""  # below

    def __post_init__(self) -> None:
        shapes = {np.shape(images)[1:] for _, images in self._rows()}
        if len(shapes) != 1:
            raise ValueError(f"Images to draw must be of one shape. Got {', '.join(map(str, shapes)) or 'no images'}.")

    def size(self) -> tuple[float, float]:
        """Width and height of a figure for the grid, in inches."""
        width, height = self._inches()
        longest = max((len(line) for label, _ in self._rows() for line in label.split("\n")), default=0)
        n_lines = bool(self.column_titles) + sum(1 + text.count("\n") for text in self._texts() if text)
        return 0.2 + LETTER * (longest + 1) + max(LETTER * FEWEST, width), 0.15 + 0.2 * n_lines + height

    def draw(self, ax: Any, cmap: Any) -> None:
        """Draw the grid on axes, as one picture."""
        tops, lefts, height, width = self._places()
        canvas = np.ones((tops[-1] + height, lefts[-1] + width, 3))
        for top, (_, images) in zip(tops, self._rows(), strict=True):
            for left, image in zip(lefts, _thicken(_to_rgb(as_unit(images), cmap)), strict=False):
                canvas[top : top + height, left : left + width] = image
        ax.imshow(canvas)
        ax.set_anchor("W")  # so that the layout leaves room for the labels
        ax.set_yticks(tops + height / 2 - 0.5, [label for label, _ in self._rows()])
        ax.set_xticks((lefts + width / 2 - 0.5)[: len(self.column_titles)], self.column_titles)
        ax.tick_params(length=0, labelsize="small", labeltop=True, labelbottom=False)
        ax.spines[:].set_visible(False)
        title, note = self._texts()
        ax.set_title(title, fontsize="medium")
        ax.set_xlabel(note, fontsize="small", color="0.35")
        if self.column_titles:
            turn_if_crowded(ax)

    def _rows(self) -> list[tuple[str, Any]]:
        return list(chain(*self.groups))

    def _texts(self) -> list[str]:
        """Title and note, as narrow as the grid."""
        return [narrow(text, self._inches()[0]) for text in (self.title, self.note)]

    def _places(self) -> tuple[np.ndarray, np.ndarray, int, int]:
        """Pixels at which the rows and the columns start, height and width of an image."""
        rows = [images for _, images in self._rows()]
        height, width = _thicken(as_unit(rows[0][:1])).shape[1:3]
        gap = max(1, round(0.08 * max(height, width)))
        tops = _starts(len(rows), height, gap, np.cumsum([0, *map(len, self.groups)])[:-1])
        return tops, _starts(max(map(len, rows)), width, gap, self.column_breaks), height, width

    def _inches(self) -> tuple[float, float]:
        """Width and height of the images together."""
        tops, lefts, height, width = self._places()
        scale = TILE / max(height, width)
        return scale * (lefts[-1] + width), scale * (tops[-1] + height)


class ChartDisplay:
    """Abstract display of one diagram: `_size` and `_draw` say which."""

    figure_: Figure | SubFigure
    ax_: Axes

    def _size(self) -> tuple[float, float]:
        return 5.5, 4.0

    def _draw(self, ax: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} says how it is drawn.")

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the diagram, on `ax_` of `figure_`.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; the axes of a new figure if None.
        """
        self.ax_ = start_axes(ax, self._size())
        self.figure_ = self.ax_.figure
        self._draw(self.ax_)
        return self


class ImageDisplay:
    """Abstract display of one grid of images: `_grid` says which."""

    figure_: Figure | SubFigure
    ax_: Axes

    def _grid(self) -> ImageGrid:
        raise NotImplementedError(f"{type(self).__name__} says what its grid is.")

    def plot(self, ax: Axes | None = None, *, cmap: str | Colormap = "gray") -> Self:
        """Draw the images, on `ax_` of `figure_`.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; the axes of a new figure if None.
        cmap : str or Colormap, default="gray"
            Shades of images without colour; "gray_r" prints black on white.
        """
        colours, grid = find_colours(cmap), self._grid()
        self.ax_ = start_axes(ax, grid.size())
        self.figure_ = self.ax_.figure
        grid.draw(self.ax_, colours)
        return self
