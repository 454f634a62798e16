"""Pixels of the augmentations, the contract and the scale of images, views, and the laws read off them."""

from __future__ import annotations

from benchmarks.mutations.mutation import Mutation

__all__ = ["MUTATIONS"]

PIXELS = "tests/test_pixels.py tests/test_augs.py"
LAWS = "tests/test_image_laws.py tests/test_algebra.py tests/test_augmenter.py"
VIEWS = "tests/test_views.py"
IMAGES = "tests/test_border.py tests/test_vae.py tests/test_out.py tests/test_sklearn.py"
INPUTS = "tests/test_inputs.py"

MUTATIONS = (
    Mutation("flip_lr turns the image upside down, too", "return X[:, :, ::-1]", "return X[:, ::-1, ::-1]", PIXELS),
    Mutation("flip_ud mirrors left to right", "return X[:, ::-1]", "return X[:, :, ::-1]", PIXELS),
    Mutation("rotate_cw turns the other way", "np.rot90(X, -1, axes=(1, 2))", "np.rot90(X, 1, axes=(1, 2))", PIXELS),
    Mutation(
        "both quarter turns turn the other way",
        "np.rot90(X, -1, axes=(1, 2))",
        "np.rot90(X, axes=(1, 2))",
        PIXELS,
        also=(("np.rot90(X, axes=(1, 2))", "np.rot90(X, -1, axes=(1, 2))"),),
    ),
    Mutation(
        "shear leans the other way", "np.arange(width) - shift[:, None]", "np.arange(width) + shift[:, None]", PIXELS
    ),
    Mutation(
        "shear turns about a row beside the centre",
        "np.arange(height) - (height - 1) / 2",
        "np.arange(height) - height / 2",
        PIXELS,
    ),
    Mutation("shear is stronger", "shift = 0.3 *", "shift = 0.4 *", PIXELS),
    Mutation(
        "shear repeats the border",
        "(0, 0), (1, 1)) + ((0, 0),) * (X.ndim - 3))",
        '(0, 0), (1, 1)) + ((0, 0),) * (X.ndim - 3), mode="edge")',
        PIXELS,
    ),
    Mutation(
        "shear mixes neighbours the other way round",
        "column(left) * (1 - weight) + column(left + 1) * weight",
        "column(left) * weight + column(left + 1) * (1 - weight)",
        PIXELS,
    ),
    Mutation("shear reads the nearest column for the left one", "np.floor(source)", "np.round(source)", PIXELS),
    Mutation(
        "the nested image lies in a corner",
        "(height - small[1]) // 2, (width - small[0]) // 2",
        "(height - small[1]), (width - small[0])",
        PIXELS,
    ),
    Mutation(
        "the nested image lies a pixel further where there is no middle",
        "(height - small[1]) // 2, (width - small[0]) // 2",
        "-((small[1] - height) // 2), -((small[0] - width) // 2)",
        PIXELS,
    ),
    Mutation(
        "the sides of the nested image are swapped",
        "(max(width // 2, 1), max(height // 2, 1))",
        "(max(height // 2, 1), max(width // 2, 1))",
        PIXELS,
    ),
    Mutation("the nested image takes every second pixel", "cv2.INTER_AREA", "cv2.INTER_NEAREST", PIXELS),
    Mutation("the nested image stands on black", "nested = X.copy()", "nested = np.zeros_like(X)", PIXELS),
    Mutation(
        "edges are as strong as both gradients together",
        "np.hypot(across, along) / 4",
        "(np.abs(across) + np.abs(along)) / 4",
        PIXELS,
    ),
    Mutation("edges are twice as strong", "np.hypot(across, along) / 4", "np.hypot(across, along) / 2", PIXELS),
    Mutation(
        "edges are smoothed evenly",
        "correlate1d(pixels, [1, 2, 1], axis=a)",
        "correlate1d(pixels, [1, 1, 1], axis=a)",
        PIXELS,
    ),
    Mutation(
        "edges are looked for one way only", "for a, b in ((1, 2), (2, 1))", "for a, b in ((1, 2), (1, 2))", PIXELS
    ),
    Mutation("the frame of an image is an edge", "[-1, 0, 1], axis=b)", '[-1, 0, 1], axis=b, mode="constant")', PIXELS),
    Mutation(
        "Canny follows fainter edges",
        "np.ascontiguousarray(plane), 100, 200)",
        "np.ascontiguousarray(plane), 50, 200)",
        PIXELS,
    ),
    Mutation(
        "Canny starts at fainter edges",
        "np.ascontiguousarray(plane), 100, 200)",
        "np.ascontiguousarray(plane), 100, 150)",
        PIXELS,
    ),
    Mutation(
        "computed bytes are cut off, not rounded",
        '(np.rint(images) if X.dtype.kind in "ui" else images)',
        "images",
        PIXELS,
    ),
    Mutation("augmentations of one name are numbered from one", "number = name, 2", "number = name, 1", PIXELS),
    Mutation("kornia's bytes are cut off, not rounded", "* 255).round().clamp(0, 255)", "* 255).clamp(0, 255)", PIXELS),
    # The contract and the scale.
    Mutation(
        "an augmentation that draws at random passes",
        "if not np.array_equal(first, run(images)):",
        "if first.shape != run(images).shape:",
        VIEWS,
    ),
    Mutation(
        "an augmentation may leave the range by half of it",
        "slack = 1e-4 * (high - low)",
        "slack = 0.5 * (high - low)",
        VIEWS,
    ),
    Mutation(
        "an augmentation is given the images themselves",
        "act(aug, images.copy(), format_)",
        "act(aug, images, format_)",
        VIEWS,
    ),
    Mutation(
        "NaN passes as a pixel of an augmentation",
        "if not (np.isfinite(least) and np.isfinite(most)):",
        "if False:",
        VIEWS,
    ),
    Mutation("floats below zero count as in [0, 1]", "(low >= 0 and high <= 1)", "high <= 1", IMAGES),
    Mutation(
        "negative integers pass as images", 'in "ui" and (low < 0 or high > 255)', 'in "ui" and high > 255', IMAGES
    ),
    Mutation(
        "after fit images on any scale pass", "        _check_scale(X, estimator.format_)\n", "", f"{IMAGES} {INPUTS}"
    ),
    Mutation("far inside the range is nowhere", "DARKER, APART = 1 / 8, 0.25", "DARKER, APART = 0, 9", INPUTS),
    Mutation("a few pixels may squeeze all others", "FAR_OUT = (8.0, 12.0)", "FAR_OUT = (8e9, 12e9)", INPUTS),
    Mutation("channels may come first", "if channels <= MOST_CHANNELS < min", "if channels <= 0 < min", INPUTS),
    Mutation("objects are floats", "flat, whole = is_flat(X), _is_whole(X)", "flat, whole = is_flat(X), False", INPUTS),
    Mutation("blank images tell laws", "    if 2 * np.count_nonzero(", "    if 9999 + np.count_nonzero(", INPUTS),
    Mutation("a batch may be acted on", "        alike = _is_by_image(run, images)", "        alike = True", INPUTS),
    Mutation("numpy's generator may be moved", 'if set(moved) - {"torch"}:', "if False:", INPUTS),
    Mutation(
        "torch's generator is not tried",
        '["torch"].default_generator.manual_seed(seed)',
        '["torch"].default_generator.manual_seed(0)',
        INPUTS,
    ),
    Mutation("shuffled pairs pass", "shuffled.mean() + 3 * shuffled.std()", "-np.inf", INPUTS),
    Mutation(
        "an array that overlaps the images is written into",
        "if np.may_share_memory(out, images):",
        "if out is images:",
        IMAGES,
    ),
    Mutation(
        "integers that are given out are cut off, not rounded",
        "np.rint(format_.to_unit(images) * white)",
        "format_.to_unit(images) * white",
        IMAGES,
    ),
    Mutation(
        "other autoencoders are given bytes",
        'return self.format_.to_output(rows) if rows.dtype.kind in "uib" else rows',
        "return rows",
        f"tests/test_augmenter.py {IMAGES}",
    ),
    Mutation(
        "bytes for a model on a range of its own stay in [0, 1]",
        'self.format_.to_output(rows) if rows.dtype.kind in "uib"',
        'self.format_.to_unit(rows) if rows.dtype.kind in "uib"',
        "tests/test_tables.py",
    ),
    Mutation(
        "what other autoencoders decode is not cut to the range",
        "np.clip(images, *self.format_.value_range, out=out)",
        "np.clip(images, -np.inf, np.inf, out=out)",
        f"tests/test_augmenter.py {IMAGES}",
    ),
    Mutation(
        "the open end of a bound is let through",
        "if not low <= value < below or (above and value == low):",
        "if not low <= value < below:",
        IMAGES,
    ),
    # Views.
    Mutation(
        "compositions act from right to left",
        "for letter in names:\n            name, aug",
        "for letter in reversed(names):\n            name, aug",
        VIEWS,
    ),
    Mutation(
        "an array is used for the shortest beginning",
        "for k in range(len(names), -1, -1) if",
        "for k in range(len(names) + 1) if",
        VIEWS,
    ),
    Mutation(
        "the cache counts its places from zero each time", "np.arange(places.start, places.stop)", "np.arange(n)", VIEWS
    ),
    Mutation("the cache gives out the first images", "self.images[places[kept]]", "self.images[: len(kept)]", VIEWS),
    Mutation(
        "a pair is not made where the target comes first",
        "np.flatnonzero(source != target)",
        "np.flatnonzero(source < target)",
        VIEWS,
    ),
    Mutation(
        "both images of a pair are of the source",
        "self.mix(rows[differ], target[differ])",
        "self.mix(rows[differ], source[differ])",
        VIEWS,
    ),
    Mutation(
        "a sample is the first images",
        "np.unique(np.linspace(0, max(n - 1, 0), min(most, n)).astype(int))",
        "np.arange(min(most, n))",
        VIEWS,
    ),
    Mutation(
        "a sample pairs images with those of other rows",
        "return Partners(take(self.values, rows))",
        "return Partners(self.values[: len(rows)])",
        VIEWS,
    ),
    Mutation(
        "many augmentations are never trained all together",
        "(0, 1, 2, len(names))",
        "(0, 1, 2)",
        f"{VIEWS} tests/test_algebra.py",
    ),
    Mutation(
        "what was changed in a private memory map is given back",
        'SHARED = ("r", "r+", "w+")',
        'SHARED = ("r", "r+", "w+", "c")',
        "tests/test_mapped.py",
    ),
    Mutation(
        "rows of a memory map come in the order of the file",
        "taken[part] = array[rows[part]]",
        "taken[start : start + FAR_ROWS] = array[rows[part]]",
        "tests/test_mapped.py",
    ),
    # Laws.
    Mutation("images are the same up to a tenth", "return 1e-6 * max(1.0", "return 1e-1 * max(1.0", LAWS),
    Mutation(
        "floats are the same to the bit only",
        "np.allclose(A, B, rtol=1e-5, atol=_rounding(A))",
        "np.array_equal(A, B)",
        LAWS,
    ),
    Mutation("what commutes must do so to the bit", "COMMUTATOR_TOLERANCE = 0.05", "COMMUTATOR_TOLERANCE = 1e-6", LAWS),
    Mutation(
        "what does not commute by a half commutes", "COMMUTATOR_TOLERANCE = 0.05", "COMMUTATOR_TOLERANCE = 0.5", LAWS
    ),
    Mutation(
        "what nothing is known of commutes",
        "self.commutators.get((b, a), np.inf)",
        "self.commutators.get((b, a), 0.0)",
        LAWS,
    ),
    Mutation(
        "pairs commute in the order of their names only",
        "self.commutators.get((a, b), self.commutators.get((b, a), np.inf))",
        "self.commutators.get((a, b), np.inf)",
        LAWS,
    ),
    Mutation("a commutator is taken over the energy", "((A - A.mean(axis=0)) ** 2).sum()", "(A**2).sum()", LAWS),
    Mutation(
        "a commutator is taken over the spread about one grey",
        "((A - A.mean(axis=0)) ** 2).sum()",
        "((A - A.mean()) ** 2).sum()",
        LAWS,
    ),
    Mutation(
        "commutators of bytes overflow",
        "(self.take(slice(None), c).astype(np.float64) for c in",
        "(self.take(slice(None), c) for c in",
        LAWS,
    ),
    Mutation(
        "no augmentation has order one", "for n in range(1, max_order + 1):", "for n in range(2, max_order + 1):", LAWS
    ),
    Mutation(
        "the largest order is not looked for",
        "for n in range(1, max_order + 1):",
        "for n in range(1, max_order):",
        LAWS,
    ),
    Mutation(
        "an element is followed from right to left",
        "int(self.cayley_table[number, self.generators[name]])",
        "int(self.cayley_table[self.generators[name], number])",
        LAWS,
    ),
    Mutation(
        "the Cayley table is transposed",
        "elements, np.stack(columns, axis=1)",
        "elements, np.stack(columns, axis=0)",
        LAWS,
    ),
    Mutation(
        "a group as large as allowed is refused",
        "len(generated[0]) > max_group",
        "len(generated[0]) >= max_group",
        LAWS,
    ),
    Mutation(
        "everything commutes with all generators",
        "g for g in self.generators if self.commute(name, g)",
        "g for g in self.generators",
        LAWS,
    ),
    Mutation(
        "a subgroup is that of its first generator",
        "steps = [self.generators[name] for name in names]",
        "steps = [self.generators[name] for name in names[:1]]",
        LAWS,
    ),
    Mutation(
        "views to train on apply the group last",
        "reduced(element + rest)",
        "reduced(rest + element)",
        LAWS,
    ),
    Mutation(
        "views of the group come last", "key=lambda c: not self.in_group(c)", "key=lambda c: self.in_group(c)", LAWS
    ),
    Mutation(
        "compositions that differ are one where nothing commutes",
        "if all(self.commute(name, g) for name, _ in powers(others) for g in self.generators):",
        "if True:",
        LAWS,
    ),
    Mutation(
        "the identity inside a composition makes it another",
        "part for part in normal if part != (0,)",
        "part for part in normal",
        LAWS,
    ),
    Mutation(
        "the representation acts on the wrong side",
        "np.eye(n_elements)[cayley_table[:, g]]",
        "np.eye(n_elements)[cayley_table[g]]",
        LAWS,
    ),
    Mutation(
        "the representation is that of inverses",
        "np.eye(n_elements)[cayley_table[:, g]]",
        "np.eye(n_elements)[cayley_table[:, g]].T",
        LAWS,
    ),
)
