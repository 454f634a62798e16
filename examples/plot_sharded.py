"""
A sharded image set
===================

Images that lie in several files are transformed file by file, by several processes, each of which writes its own result
beside what it read. A model is a file too, so the processes may as well be on several machines.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed

from latentaug import VAE, LatentAugmenter, load
from latentaug.datasets import load_digits_sample

X, _ = load_digits_sample()
folder = Path(tempfile.mkdtemp())
for k, shard in enumerate(np.array_split(X, 4)):
    np.save(folder / f"images-{k}.npy", shard)

# %%
# The augmenter is fitted once, here on all images, and saved.

augmenter = LatentAugmenter(["flip_lr", "rotate_cw"], VAE(max_iter=15, random_state=0), random_state=0)
augmenter.fit(X).save(folder / "model.latentaug")

# %%
# A worker maps one shard into memory and another file to write into, both of which may be larger than the memory.


def transform_shard(path: Path) -> Path:
    """Write the augmented images of one file into another."""
    images = np.load(path, mmap_mode="r")
    target = path.with_name(path.name.replace("images", "augmented"))
    out = np.lib.format.open_memmap(target, mode="w+", dtype=images.dtype, shape=images.shape)
    load(folder / "model.latentaug", device="cpu").compose("rotate_cw").transform(images, out=out).flush()
    return target


paths = sorted(folder.glob("images-*.npy"))
written = Parallel(n_jobs=2)(delayed(transform_shard)(path) for path in paths)

# %%
# Together the files hold what one process would have made of all images at once.

together = np.concatenate([np.load(path) for path in written])
at_once = augmenter.compose("rotate_cw").transform(X, out=np.empty_like(X))
difference = np.abs(together.astype(int) - at_once).max()
print(f"{len(written)} files, {together.shape} {together.dtype}, at most {difference} of 255 apart")

# %%
# The first images of each shard, and what was written for them.

figure, axes = plt.subplots(2, 4, figsize=(8, 4), layout="constrained")
for column, source, target in zip(axes.T, paths, written, strict=True):
    for axis, path in zip(column, (source, target), strict=True):
        axis.imshow(np.hstack(np.load(path, mmap_mode="r")[:2]), cmap="gray_r", vmin=0, vmax=255)
        axis.set_title(path.name, fontsize=9)
        axis.axis("off")
plt.show()
