"""
Faces: glasses on and off, a beard, and both
============================================

Pairs of pictures are all that is known here: cartoon faces, and the same faces with glasses, with a beard, and with
both. Latent maps learn to put both on faces that were not seen, and to take them off.
"""

import numpy as np

from latentaug import VAE, LatentAugmenter
from latentaug.datasets import load_avatars
from latentaug.displays import CatalogueDisplay

faces = load_avatars(450, size=48, paired=["glasses", "beard"])
learn, unseen = slice(50, None), slice(0, 50)
views = {view: X[learn] for view, X in faces.views.items()}

# %%
# Glasses are a switch, on and off, and so is a beard: both are declared to be of order 2, and it does not matter which
# comes first. So the maps are exact before anything is trained.

vae = VAE(latent_dim=48)
switches = {"orders": {"glasses": 2, "beard": 2}, "commute": [("glasses", "beard")]}
augmenter = LatentAugmenter(["glasses", "beard"], vae, **switches, random_state=0)
augmenter.fit(faces.images[learn], views=views)
print(augmenter.verdict_)

# %%
# Faces that were not seen. Under each, what was drawn, and what the model makes of the plain face.

plain = faces.images[unseen][:8]
rows = {"plain": plain}
for view, X in faces.views.items():
    rows[f"{' and '.join(view)}, drawn"] = X[unseen][:8]
    rows[f"{' and '.join(view)}, the model"] = augmenter.compose(*view).transform(plain)
CatalogueDisplay(rows).plot()

# %%
# And off again: the true pictures with both, without the glasses, and without anything.

both = faces.views["glasses", "beard"][unseen][:8]
CatalogueDisplay(
    {
        "glasses and beard": both,
        "glasses taken off": augmenter["glasses"].inverse_transform(both),
        "both taken off": augmenter.inverse_transform(both),
        "plain, drawn": plain,
    }
).plot()

# %%
# The share of the variance that is explained, R2, on faces that were not seen, beside doing nothing.


def explained(true, made):
    true = true / 255
    return 1 - np.square(true - made).sum() / np.square(true - true.mean(axis=0)).sum()


for view, X in faces.views.items():
    made = augmenter.compose(*view).transform(faces.images[unseen])
    nothing = explained(X[unseen], faces.images[unseen] / 255)
    print(f"{' and '.join(view)}: {explained(X[unseen], made):.3f}, doing nothing {nothing:.3f}")
