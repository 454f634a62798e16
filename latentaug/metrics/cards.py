"""A model card: what a fitted model is, of what it was made, and what was measured, as a page of Markdown."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from latentaug._checks import check_kind, check_path, shown
from latentaug._files import write_whole
from latentaug._version import __version__
from latentaug.models.tables import Table

if TYPE_CHECKING:
    from latentaug.metrics.scorecard import Scorecard

__all__ = ["model_card"]

PAPER = '["Towards Composable Distributions of Latent Space Augmentations"](https://arxiv.org/abs/2303.03462)'
READING = """A *floor* is the model's own error of reconstructing the images aimed at, and a *gap* what an error lies \
above it. R2 is the share of the variance of those images that is explained."""


def model_card(
    model: Any,
    card: Scorecard,
    *,
    title: str | None = None,
    notes: Mapping[str, str] | None = None,
    columns: Sequence[str] | None = None,
    path: str | os.PathLike[str] | None = None,
) -> str:
    """A page of Markdown on a fitted model: what it is, its laws, what was measured of it, how to load it.

    Parameters
    ----------
    model : LatentAugmenter, TransferHead, ConditionalVAE or VAE
        Fitted.
    card : Scorecard
        What `scorecard` says of it, in the first row, and of what it is measured beside.
    title : str, default=None
        Heading of the page; the class of the model if None.
    notes : dict of str to str, default=None
        Sections of your own, by their headings: the data, what the model is for, what it is not for. What nobody
        wrote is said to be missing.
    columns : list of str, default=None
        Columns of the scorecard, as in `Scorecard.to_html`.
    path : str or os.PathLike, default=None
        A file to write the page to as well, such as README.md.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from latentaug import LatentAugmenter
    >>> from latentaug.metrics import scorecard
    >>> X = load_digits().images / 16
    >>> model = LatentAugmenter(["flip_lr"], PCA(16), method="staged").fit(X[:1000])
    >>> page = model_card(model, scorecard(model, X[1000:]), notes={"Data": "Digits of scikit-learn."})
    >>> [line for line in page.splitlines() if line.startswith("#")][:4]
    ['# LatentAugmenter', '## What it is', '## Data', '## Intended use']
    """
    check_is_fitted(model)
    if not hasattr(model, "format_"):
        raise TypeError(f"model must be a fitted model of images. Got {shown(model)}.")
    if not isinstance(card, Table) or not hasattr(card, "details"):
        raise TypeError(f"card must be a Scorecard. Got {shown(card)}.")
    check_kind("title", title, (str, type(None)), "text or None")
    written = {"Data": "Not stated.", "Intended use": "Not stated."} | _checked(notes)
    sections = {
        "What it is": _facts(model),
        **written,
        "Laws": _laws(model),
        "Measured": _measures(card, columns),
        "How to use it": _usage(model),
        "Reference": f"The method is that of {PAPER}, arXiv 2303.03462.",
    }
    parts = [f"# {title or type(model).__name__}", *(f"## {head}\n\n{text}" for head, text in sections.items() if text)]
    page = "\n\n".join(parts) + "\n"
    if path is not None:
        write_whole(check_path(path), page.encode())
    return page


def _checked(notes: Any) -> dict[str, str]:
    if notes is None:
        return {}
    check_kind("notes", notes, Mapping, "a dict of heading to text")
    for head, text in notes.items():
        if not isinstance(head, str) or not isinstance(text, str):
            raise TypeError(f"notes must be a dict of heading to text. Got {shown(head)}: {shown(text)}.")
    return dict(notes)


def _facts(model: Any) -> str:
    """Class, images, what was set, and what training has come to."""
    format_, autoencoder = model.format_, getattr(model, "autoencoder_", model)
    shape, (low, high) = "x".join(map(str, format_.image_shape)), format_.value_range
    facts = {
        "Model": f"`latentaug.{type(model).__name__}`, of latentaug {__version__}",
        "Images": f"{shape}, {format_.say()}; given out as float32 on {low:g}..{high:g}",
        "Latent coordinates": str(getattr(model, "latent_dim_", getattr(autoencoder, "latent_dim", "not known"))),
        "Augmentations": ", ".join(f"`{name}`" for name in getattr(model, "aug_names_", [])),
        "Geometries": ", ".join(f"`{name}`: {kind}" for name, kind in getattr(model, "geometries_", {}).items()),
        "Autoencoder": f"`{' '.join(repr(autoencoder).split())}`" if autoencoder is not model else "",
        "Parameters": f"`{' '.join(repr(model).split())}`",
        "Verdict": str(getattr(autoencoder, "verdict_", None) or ""),
    }
    return "\n".join(f"- **{name}**: {fact}" for name, fact in facts.items() if fact)


def _laws(model: Any) -> str:
    """What the images say of the augmentations."""
    algebra = getattr(model, "algebra_", None)
    if algebra is None or not algebra.orders:
        return ""
    lines = [
        f"- `{name}`: " + (f"{order} applications are the identity" if order else "of no finite order that was found")
        for name, order in algebra.orders.items()
    ]
    lines += [
        f"- `{a}` and `{b}` {'commute' if not defect else f'do not commute (commutator {defect:.3g})'}"
        for (a, b), defect in algebra.commutators.items()
    ]
    return "\n".join(lines)


def _measures(card: Scorecard, columns: Sequence[str] | None) -> str:
    label, *_, table = card.rows[0]
    detail = f"Every composition of {label}, errors summed over the pixels of an image:\n\n{table.to_markdown()}"
    return f"{card.title[:1].upper()}{card.title[1:]}.\n\n{card.to_markdown(columns)}\n\n{detail}\n\n{READING}"


def _usage(model: Any) -> str:
    call = "model.transform(X)"
    if getattr(model, "aug_names_", None):
        call += f'\nmodel.compose("{model.aug_names_[0]}").transform(X)'
    return f'```python\nimport latentaug\n\nmodel = latentaug.load("model.latentaug")\n{call}\n```'
