"""
Upright faces: a content and a pose
===================================

Which way up a face is, one sees. So a few latent coordinates can be the pose, and all the others a content that no flip
moves: joint training finds out by itself whether that serves better than sharing the coordinates out among the kinds of
symmetry.
"""

import matplotlib.pyplot as plt

from latentaug import VAE, LatentAugmenter
from latentaug.augs import flip_lr, flip_ud
from latentaug.datasets import load_avatars
from latentaug.displays import ReconstructionDisplay
from latentaug.metrics import error_table, scorecard

# sphinx_gallery_thumbnail_number = 1

X = load_avatars(500, size=32).images
X_train, X_test = X[:400], X[400:]
vae = VAE(latent_dim=24, max_iter=60)
flips = LatentAugmenter([flip_lr, flip_ud], vae, random_state=0).fit(X_train)
ReconstructionDisplay.from_estimator(flips, X_test, [("flip_lr",), ("flip_ud",), ("flip_lr", "flip_ud")])

# %%
# The matrix of a flip is diagonal: one coordinate changes its sign.

for name, L in flips.latent_maps_.items():
    print(name, L.diagonal().astype(int))

# %%
# The two coordinates of the pose, of faces that were not trained on, one colour a view. The other 22 are those of the
# upright face, whatever was done to it.

views = {
    "original": X_test,
    "flip_lr": flip_lr(X_test),
    "flip_ud": flip_ud(X_test),
    "both": flip_ud(flip_lr(X_test)),
}
fig, ax = plt.subplots(figsize=(4.5, 4), layout="constrained")
for label, images in views.items():
    Z = flips.encode(images)
    ax.scatter(Z[:, -2], Z[:, -1], s=8, label=label)
ax.set(xlabel="z, last but one", ylabel="z, last")
ax.legend(loc="center", fontsize="small")

# %%
# Beside it, the coordinates shared out among the kinds of symmetry, which ``fit`` warns of: squared errors, summed over
# the pixels of a face.

parts = LatentAugmenter([flip_lr, flip_ud], vae, representation="fitted", random_state=0).fit(X_train)
for label, model in (("content and pose", flips), ("kinds of symmetry", parts)):
    print(f"{label}: {next(iter(error_table(model, X_test))).floor:.1f}")

# %%
# And beside principal components of as many coordinates.

scorecard({"content and pose": flips, "kinds of symmetry": parts}, X_test, X_train=X_train)
