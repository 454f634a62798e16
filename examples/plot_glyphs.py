"""
Letters: regular to bold to italic, and back
============================================

Nobody can write down the function that makes a letter bold. But a font with a bold face holds thousands of pairs. From
pairs of characters, latent maps learn to set others in bold and in italics, together and undone.
"""

import numpy as np

from latentaug import VAE, LatentAugmenter
from latentaug.datasets import load_glyphs
from latentaug.displays import CatalogueDisplay
from latentaug.metrics import error_table

glyphs = load_glyphs(size=32)
n = 2000  # characters of many scripts to learn from; the letters that are shown are not among them
word = np.flatnonzero(np.isin(glyphs.characters, list("Rgaehs&8")))
learn = np.setdiff1d(np.arange(len(glyphs.images)), word)[:n]
X, views = glyphs.images[learn], {view: images[learn] for view, images in glyphs.views.items()}

# %%
# Bold is a switch, on and off, and so is italic, which this font calls oblique. Both are declared to be of order 2, and
# it does not matter which comes first. So the maps are exact before anything is trained.

vae = VAE(latent_dim=48)
switches = {"orders": {"bold": 2, "oblique": 2}, "commute": [("bold", "oblique")]}
augmenter = LatentAugmenter(["bold", "oblique"], vae, **switches, random_state=0)
augmenter.fit(X, views=views)

# %%
# Letters that were not seen, though other scripts share some shapes. In pairs of rows: what the font holds, and what
# the model makes of the regular letter.

regular = glyphs.images[word]
rows = {"regular": regular}
for view in glyphs.views:
    rows[f"{' '.join(view)}, the font"] = glyphs.views[view][word]
    rows[f"{' '.join(view)}, the model"] = augmenter.compose(*view).transform(regular)
CatalogueDisplay(rows).plot()

# %%
# And back, from bold italics to regular, one switch after the other.

both = glyphs.views["bold", "oblique"][word]
CatalogueDisplay(
    {
        "bold oblique": both,
        "not bold": augmenter["bold"].inverse_transform(both),
        "neither": augmenter.inverse_transform(both),
        "regular, the font": regular,
    }
).plot()

# %%
# Errors on 500 characters that were not seen, each beside the floor: the model's own reconstruction of the true images.
# Beneath, what doing nothing costs.

unseen = np.setdiff1d(np.arange(len(glyphs.images)), learn)[:500]
print(error_table(augmenter, glyphs.images[unseen], views={view: X[unseen] for view, X in glyphs.views.items()}))
for view, images in glyphs.views.items():
    nothing = np.square(images[unseen] / 255 - glyphs.images[unseen] / 255).sum(axis=(1, 2)).mean()
    print(f"{' and '.join(view)}: doing nothing costs {nothing:.1f}")
