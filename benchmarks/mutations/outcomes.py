"""Labels and resampling, metrics, displays and data sets."""

from __future__ import annotations

from benchmarks.mutations.mutation import Mutation

__all__ = ["MUTATIONS"]

LABELS = "tests/test_suggesting.py tests/test_resampling.py"
METRICS = "tests/test_metrics.py tests/test_scorecard.py"
CHARTS = "tests/test_drawn_charts.py tests/test_displays.py"
PICTURES = "tests/test_drawn_images.py tests/test_displays.py"
DATASETS = "tests/test_datasets.py"
SOURCES = "tests/test_sources.py"
VERDICT = "tests/test_verdict.py"
LIKENESS = "tests/test_likeness.py"
TABLES = "tests/test_tables.py"

CLASSES = "tests/test_classes.py"

CONDITIONS = "tests/test_conditional.py"

MUTATIONS = (
    Mutation("no image is told its class", "rng.random(n) >= UNTOLD", "rng.random(n) < 0", CONDITIONS),
    Mutation(
        "every class is told that before it",
        "told * (1 + self.numbers[rows])",
        "told * np.abs(self.numbers[rows])",
        CONDITIONS,
    ),
    Mutation(
        "classes are those before them",
        "enumerate(classes.labels.tolist(), start=1)",
        "enumerate(classes.labels.tolist(), start=0)",
        CONDITIONS,
    ),
    Mutation(
        "an embedding is added to that of the original",
        "(carried[0] - original) @ shift",
        "carried[0] @ shift",
        CONDITIONS,
    ),
    Mutation(
        "an embedding is undone as it is done",
        "apply(carried, self.embedding_maps_[name], power)",
        "apply(carried, self.embedding_maps_[name], abs(power))",
        CONDITIONS,
    ),
    Mutation("a class is fitted without that of all", "AffineMap(A + W, b + shift", "AffineMap(W, b + shift", CLASSES),
    Mutation("a class moves its mean as all do", "b + shift - means[0] @ W", "b - means[0] @ W", CLASSES),
    Mutation(
        "the mean of few images of a class is believed",
        "shift = max(0.0, 1 - noise /",
        "shift = max(0.0, 1 - 0 * noise /",
        CLASSES,
    ),
    Mutation(
        "a class is undone as all are", "turned = None if back is None else", "turned = back if True else", CLASSES
    ),
    Mutation(
        "classes are kept where they are worse",
        "if not len(gain) or gain.mean(axis=0).min() < 0:",
        "if not len(gain):",
        CLASSES,
        (
            ("(gains.mean(axis=0) >= 0).all())", "True)"),
            ("sure = len(both) > 1 and both.mean() > SURE", "sure = len(both) > 1 or both.mean() > SURE"),
        ),
    ),
    Mutation(
        "images held out are fitted on", "pairs.moments(name, rows[~held])", "pairs.moments(name, rows[held])", CLASSES
    ),
    Mutation(
        "the labels of others",
        "numbers == k)\n        for part in batches(len(rows), model",
        "numbers <= k)\n        for part in batches(len(rows), model",
        CLASSES,
    ),
    Mutation(
        "an image without a label is of the last class",
        "own, rows = model if k < 0 else model",
        "own, rows = model if k < -1 else model",
        CLASSES,
    ),
    Mutation(
        "strengths of other images go to a class",
        "parts = _taken(strengths, rows)",
        "parts = _taken(strengths, slice(len(rows)))",
        CLASSES,
    ),
    Mutation("a class is drawn about nothing", "return self.mean + noise @ Q.T", "return noise @ Q.T", CLASSES),
    Mutation(
        "a class is drawn in turned coordinates",
        "return self.mean + noise @ Q.T",
        "return self.mean + noise @ Q",
        CLASSES,
    ),
    Mutation(
        "classes outlive another fit",
        "self.__dict__.pop(name, None)\n        self.latent_maps_",
        "pass\n        self.latent_maps_",
        CLASSES,
    ),
    Mutation(
        "noise is over the mean of all images",
        "np.square(first - second).mean(axis=(1, 2, 3))",
        "np.full(len(first), np.square(first - second).mean())",
        LIKENESS,
    ),
    Mutation("edges are padded with zeros", 'radius=WINDOW, mode="mirror"', 'radius=WINDOW, mode="constant"', LIKENESS),
    Mutation("integers are on 1", "top = 255.0 if kinds", "top = 1.0 if kinds", LIKENESS),
    Mutation("a covariance is of n", "/ np.sqrt(len(found) - 1)", "/ np.sqrt(len(found))", LIKENESS),
    Mutation("a ball reaches to the nearest", "kneighbors()[0][:, -1]", "kneighbors()[0][:, 0]", LIKENESS),
    Mutation(
        "recall is of the first set's balls", "(apart <= other_reach).any(axis=1)", "within.any(axis=1)", LIKENESS
    ),
    Mutation("few images are compared in silence", "if fewest <= n_features:", "if fewest < 0:", LIKENESS),
    Mutation(
        "columns come in the table's order",
        "heads={name: self.heads[name] for name in columns}",
        "heads={name: head for name, head in self.heads.items() if name in columns}",
        TABLES,
    ),
    Mutation(
        "pairs of bytes are measured as bytes",
        'self.format_.to_output(images) if images.dtype.kind in "uib" else images',
        "images",
        TABLES,
    ),
    Mutation(
        "labels are not escaped in HTML", "head, *rows = grid.lines(escape)", "head, *rows = grid.lines(str)", TABLES
    ),
    Mutation(
        "own notes are lost on a card",
        '"Intended use": "Not stated."} | _checked(notes)',
        '"Intended use": "Not stated."}',
        TABLES,
    ),
    Mutation(
        "a verdict is of as many images as training drew",
        "n_drawn // SHARE, len(views)",
        "n_drawn, len(views)",
        VERDICT,
    ),
    Mutation(
        "components explain without the largest", "variances[-n_components:]", "variances[:n_components]", VERDICT
    ),
    Mutation("what is explained is what is left", "explained=1 - float(", "explained=float(", VERDICT),
    Mutation("a rising loss still falls", "loss_curve[-1] < (1 - FALLING)", "loss_curve[-1] > (1 - FALLING)", VERDICT),
    Mutation(
        "components of few images are believed",
        "* self.n_images / (self.n_images - self.latent_dim)",
        "* 1.0",
        VERDICT,
    ),
    Mutation("a dead model is not told of", "v.variation < DEAD", "v.variation < 0", VERDICT),
    Mutation("heads are judged", "if trained.reconstructs and not goes_on:", "if not goes_on:", VERDICT),
    Mutation(
        "R2 is of the originals", "self.mean(b, b), self.variance(b))", "self.mean(b, b), self.variance(()))", METRICS
    ),
    Mutation("a variance is of the first batch", "n + len(rows), squares +", "n + len(rows), 0 * squares +", METRICS),
    Mutation("components beside a card are those of nobody", "elif len(images) >", "elif len(images) <", METRICS),
    Mutation("labels that few images show are believed", "(most > 0.5) & (plain > 0.5) &", "(plain > 0.5) &", LABELS),
    Mutation(
        "labels that the classifier never sees are believed", "(most > 0.5) & (plain > 0.5) &", "(most > 0.5) &", LABELS
    ),
    Mutation("the threshold is absolute", "(most >= threshold * plain[best])", "(most >= threshold)", LABELS),
    Mutation("the threshold is that of the label before", "threshold * plain[best]", "threshold * plain", LABELS),
    Mutation(
        "labels follow a composition from right to left",
        "for name, power in powers(composition):\n            for _",
        "for name, power in reversed(list(powers(composition))):\n            for _",
        LABELS,
    ),
    Mutation(
        "the first compositions are always drawn",
        "np.where(usable, rng.random_sample(usable.shape), np.inf)",
        "np.where(usable, 0.0, np.inf)",
        LABELS,
    ),
    Mutation("the first label is never augmented", "becomes.T[numbers] >= 0", "becomes.T[numbers] > 0", LABELS),
    Mutation(
        "copies keep their label, whatever they show",
        "self.classes_[becomes[which, numbers[rows]]]",
        "self.classes_[numbers[rows]]",
        LABELS,
    ),
    Mutation(
        "what a label becomes is not looked at",
        "moves[name][numbers[label]] = numbers[becomes]",
        "moves[name][numbers[label]] = numbers[label]",
        LABELS,
    ),
    Mutation(
        "originals are drawn as copies",
        "composition in self.augmenter_.compositions_ if composition]",
        "composition in self.augmenter_.compositions_]",
        LABELS,
    ),
    Mutation(
        "a classifier judges what it has learned",
        "judge.fit(self._unit_rows(images[learn]), labels[learn])",
        "judge.fit(self._unit_rows(images), labels)",
        LABELS,
    ),
    Mutation("shares are of the labels seen", 'normalize="true"', 'normalize="pred"', LABELS),
    Mutation(
        "integers of a frame are cut off, not rounded",
        'np.rint(added) if pixels.dtype.kind in "ui" else added',
        "added",
        LABELS,
    ),
    Mutation(
        "images of a scale twenty times as great pass",
        "        if beyond > 1:",
        "        if beyond > 1e9:",
        "tests/test_inputs.py tests/test_resampling.py",
    ),
    # Metrics.
    Mutation("a gap is a share of the error", "ratio(error - floor, floor)", "ratio(error - floor, error)", METRICS),
    Mutation(
        "no gap lies above an exact floor", "0.0 if max(error, floor) < ROUNDING", "0.0 if floor < ROUNDING", METRICS
    ),
    Mutation("something of nothing is nothing", 'return float("inf") if part else 0.0', "return 0.0", METRICS),
    Mutation("the paper's unit is ten times smaller", "1e4 / n_pixels", "1e3 / n_pixels", METRICS),
    Mutation(
        "intervals are of twice the share outside", "[(1 - level) / 2, (1 + level) / 2]", "[1 - level, level]", METRICS
    ),
    Mutation(
        "the equivariance error is over the energy",
        "np.square(Z_aug - Z_aug.mean(axis=0)).sum()",
        "np.square(Z_aug).sum()",
        METRICS,
    ),
    Mutation(
        "the equivariance error is over the spread of what was carried",
        "np.square(Z_aug - Z_aug.mean(axis=0)).sum()",
        "np.square(Z_carried - Z_carried.mean(axis=0)).sum()",
        METRICS,
    ),
    Mutation(
        "a commutator defect is over one product",
        "np.linalg.norm(A) * np.linalg.norm(B))",
        "np.linalg.norm(A @ B))",
        METRICS,
    ),
    Mutation(
        "the orthogonality defect is that of order two",
        "_distance_to_identity(L.T @ L)",
        "_distance_to_identity(L @ L)",
        METRICS,
    ),
    Mutation(
        "the defect of an order is that of the next",
        'np.linalg.matrix_power(check_square("L", L), order)',
        'np.linalg.matrix_power(check_square("L", L), order + 1)',
        METRICS,
    ),
    Mutation(
        "errors are of images carried the other way",
        "carry(x, source, target))",
        "carry(x, target, source))",
        METRICS,
    ),
    Mutation(
        "the floor of what is applied is the original's",
        "self.mean(b, b), self.variance(b)) for task, a, b",
        'self.mean(b, b) if task != "apply" else self.mean((), ()), self.variance(b)) for task, a, b',
        METRICS,
    ),
    Mutation(
        "the floor of what is undone is that of the view",
        "self.mean(b, b), self.variance(b)) for task, a, b",
        "self.mean(b or a, b or a), self.variance(b)) for task, a, b",
        METRICS,
    ),
    Mutation(
        "what is undone is measured as applied",
        "self.mean(a, b), self.mean(b, b)",
        "self.mean(*sorted((a, b), key=len)), self.mean(b, b)",
        METRICS,
    ),
    Mutation(
        "a view can be left for a shorter one without undoing",
        "target[: len(source)] == source",
        "source[: len(target)] == target",
        METRICS,
    ),
    Mutation(
        "pairs are measured in one order",
        "[*model.compositions_, *permutations(map(model.algebra_.step, model.aug_names_), 2)]",
        "[*model.compositions_]",
        METRICS,
    ),
    Mutation(
        "a view-to-view matrix is transposed",
        "[errors.mean(a, b) for b in compositions] for a in compositions",
        "[errors.mean(b, a) for b in compositions] for a in compositions",
        METRICS,
    ),
    Mutation(
        "gaps of a matrix lie above the floor of the source",
        "[list(map(gap, row, self.floors)) for row in self.errors]",
        "[[gap(error, floor) for error in row] for row, floor in zip(self.errors, self.floors, strict=True)]",
        f"{METRICS} {CHARTS}",
    ),
    Mutation(
        "half of the labels, not of the raw ones, is half of a life",
        "self.survival < self.raw_survival / 2",
        "self.survival < 0.5",
        METRICS,
    ),
    Mutation(
        "recursion is measured against the original, order or not",
        "if self.order is None:  # Else",
        "if False:  # Else",
        METRICS,
    ),
    Mutation(
        "labels survive as in images that passed through no model",
        "self._judge(images) == wanted, found == wanted)",
        "found == wanted, found == wanted)",
        METRICS,
    ),
    Mutation(
        "labels are looked at before a whole round",
        "-(-n_steps // orders[name]) * orders[name]",
        "(n_steps // orders[name]) * orders[name]",
        METRICS,
    ),
    Mutation(
        "a row composes single augmentations, too",
        '"compose": pairs}',
        '"compose": applied + pairs}',
        METRICS,
    ),
    Mutation(
        "the worst gap is that of any task",
        'for row in table if row.task == "apply"',
        "for row in table if row",
        METRICS,
    ),
    Mutation(
        "the worst of a row is a mean",
        "{law: max(worst) for law, worst in laws.items() if worst}",
        "{law: float(np.mean(worst)) for law, worst in laws.items() if worst}",
        METRICS,
    ),
    Mutation(
        "a row measures pairs in one order",
        "*permutations(names, 2)], known)",
        "*combinations(names, 2)], known)",
        METRICS,
    ),
    Mutation("a row undoes nothing", '"compose": pairs}', '"compose": pairs, "undo": applied}', METRICS),
    Mutation(
        "the equivariance error of a row is turned round",
        "equivariance_error(encode((name,)), model.transform_latent(Z, name))",
        "equivariance_error(model.transform_latent(Z, name), encode((name,)))",
        METRICS,
    ),
    Mutation(
        "a card prints the whole interval for the half",
        "(error, np.ptp(ends) / 2)",
        "(error, np.ptp(ends))",
        METRICS,
    ),
    # Displays.
    Mutation("a loss starts at pass zero", "range(1, len(curve) + 1), curve", "range(len(curve)), curve", CHARTS),
    Mutation(
        "training and held-out losses are swapped",
        '{"training images": self.loss_curve, "held-out images": self.validation_curve}',
        '{"training images": self.validation_curve, "held-out images": self.loss_curve}',
        CHARTS,
    ),
    Mutation("points have the colours of others", "color=palette(number[order])", "color=palette(number)", CHARTS),
    Mutation(
        "the legend of groups runs backwards",
        "color=palette(k), label=str(name)",
        "color=palette(len(names) - 1 - k), label=str(name)",
        CHARTS,
    ),
    Mutation(
        "the axes of a projection say each other's share", "for share in shares]", "for share in shares[::-1]]", CHARTS
    ),
    Mutation(
        "points are grouped by view in turn",
        "np.repeat([in_words(c) for c in data.compositions], len(data))",
        "np.tile([in_words(c) for c in data.compositions], len(data))",
        CHARTS,
    ),
    Mutation(
        "labels of points are repeated",
        "np.tile(labels, len(data.compositions))",
        "np.repeat(labels, len(data.compositions))",
        CHARTS,
    ),
    Mutation(
        "reconstructions are projected as the images",
        "_image_rows(model, model.carry(images, view, view), view)",
        "_image_rows(model, images, view)",
        CHARTS,
    ),
    Mutation(
        "frames stand in the transposed cells", "colours[i, j], better[i, j])", "colours[i, j], better.T[i, j])", CHARTS
    ),
    Mutation(
        "a cell's text stands in the transposed cell",
        "ax.text(column, row, text,",
        "ax.text(row, column, text,",
        CHARTS,
    ),
    Mutation(
        "a frame stands around the transposed cell",
        "corner = column - 0.46, row - 0.46",
        "corner = row - 0.46, column - 0.46",
        CHARTS,
    ),
    Mutation(
        "cells above the reference are framed",
        "return matrix < np.broadcast_to(reference",
        "return matrix > np.broadcast_to(reference",
        CHARTS,
    ),
    Mutation(
        "rows and columns of a matrix have each other's names",
        "[in_words(s, 30) for s in self.sources], [in_words(t, 12) for t in self.targets]",
        "[in_words(t, 30) for t in self.targets], [in_words(s, 12) for s in self.sources]",
        CHARTS,
    ),
    Mutation(
        "from is written where to belongs", 'ax.set_ylabel("from", fontsize', 'ax.set_ylabel("to", fontsize', CHARTS
    ),
    Mutation("gaps in percent are shares", "lambda matrix: 100 * matrix.gaps", "lambda matrix: matrix.gaps", CHARTS),
    Mutation(
        "a matrix of gaps is titled as one of errors",
        '"gap": Values("Gap from view to view"',
        '"gap": Values("Error from view to view"',
        CHARTS,
    ),
    Mutation(
        "what is undone is titled as applied", "title=TASKS[self.task].title", 'title=TASKS["apply"].title', PICTURES
    ),
    Mutation(
        "titles of columns run backwards",
        ": len(self.column_titles)], self.column_titles)",
        ": len(self.column_titles)], self.column_titles[::-1])",
        PICTURES,
    ),
    Mutation("dark cells are written in black", "(0.299, 0.587, 0.114)) < 0.5", "(0.299, 0.587, 0.114)) > 0.5", CHARTS),
    Mutation("an algebra's table is transposed", "cells[table[i, j]]", "cells[table[j, i]]", CHARTS),
    Mutation("an algebra's colours are transposed", "ax.imshow(colours[table])", "ax.imshow(colours[table.T])", CHARTS),
    Mutation(
        "labels that survive are shares, not percent",
        'self._draw_curves(ax, "survival", 100)',
        'self._draw_curves(ax, "survival", 1)',
        CHARTS,
    ),
    Mutation("all curves have one colour", 'colour = f"C{list(self.curves).index(label)}"', 'colour = "C0"', CHARTS),
    Mutation("an interval is not in percent", "*factor * np.asarray(interval)", "*np.asarray(interval)", CHARTS),
    Mutation(
        "raw labels are shares, not percent",
        "100 * np.asarray(self.raw_survival)",
        "np.asarray(self.raw_survival)",
        CHARTS,
    ),
    Mutation(
        "start and end of a path are swapped",
        '(("start", "o", 0), ("end", "s", -1))',
        '(("start", "o", -1), ("end", "s", 0))',
        PICTURES,
    ),
    Mutation(
        "images of a path are the first ones",
        "np.asarray(images)[steps])",
        "np.asarray(images)[: len(steps)])",
        PICTURES,
    ),
    Mutation(
        "rows of images have each other's labels",
        "[label for label, _ in self._rows()])",
        "[label for label, _ in self._rows()][::-1])",
        PICTURES,
    ),
    Mutation("images are drawn as negatives", "cmap(grey)[..., :3]", "cmap(1 - grey)[..., :3]", PICTURES),
    Mutation(
        "an undone composition is drawn as applied",
        "lambda composition: (composition, ())",
        "lambda composition: ((), composition)",
        PICTURES,
    ),
    Mutation(
        "errors beside images are against what was given",
        "self._output(label, c, wanted) for label",
        "self._output(label, c, given) for label",
        PICTURES,
    ),
    Mutation(
        "drawn outputs are carried the other way",
        "m.carry(pixels[route[0]], *route)",
        "m.carry(pixels[route[0]], *route[::-1])",
        PICTURES,
    ),
    Mutation(
        "the ends of an interpolation are swapped", "np.stack([a, *line, b])", "np.stack([b, *line, a])", PICTURES
    ),
    Mutation("an interpolation does not reach 100 %", "100 * k / (n_steps - 1)", "100 * k / n_steps", PICTURES),
    Mutation(
        "samples of a view are drawn of the original",
        "model.sample(n_samples, apply=apply,",
        "model.sample(n_samples,",
        PICTURES,
    ),
    # Data sets.
    Mutation(
        "the environment comes before the folder named",
        '(data_home, os.environ.get("LATENTAUG_DATA"))',
        '(os.environ.get("LATENTAUG_DATA"), data_home)',
        DATASETS,
    ),
    Mutation(
        "a wrong file is read",
        'if not family.is_right(path.name.removesuffix(".gz"), content):',
        "if len(content) < 8:",
        DATASETS,
    ),
    Mutation(
        "digits of the sample lie on their side",
        "rows[:, :-1].reshape(-1, 28, 28).copy()",
        "rows[:, :-1].reshape(-1, 28, 28).swapaxes(1, 2).copy()",
        DATASETS,
    ),
    Mutation(
        "digits of the sample come in one order in every ten",
        "rng.permuted(rng.permuted(by_class, axis=1).T, axis=1)",
        "rng.permuted(by_class, axis=1).T",
        DATASETS,
    ),
    Mutation("digits are taken for clothes", "else not _is_mnist(name, content)", "else True", DATASETS),
    Mutation("labels of clothes are not counted", "counts.tolist() == [of_each] * 10", "len(counts) >= 10", DATASETS),
    Mutation("numbers of a file in another order of bytes", '13: ">f4"', '13: "<f4"', DATASETS),
    Mutation("a picture lies", "picture = ImageOps.exif_transpose(opened)", "picture = opened", DATASETS),
    Mutation("what is transparent is what it hides", "whole.paste(seen, mask=seen)", "whole.paste(seen)", DATASETS),
    Mutation("16 bits as their lower eight", "(pixels >> 8)", "(pixels & 255)", DATASETS),
    Mutation("hidden files are pictures", 'part.startswith(".")', 'part.startswith("~")', DATASETS),
    Mutation(
        "a face has a beard", '"beard": ("facial_hair", "none"', '"beard": ("facial_hair", "wick_beard"', DATASETS
    ),
    Mutation("glasses come with a smile", "states[int(face[attribute])]", 'states[int(face["glasses"])]', DATASETS),
    Mutation("objects turn the other way", "np.deg2rad(angle)", "np.deg2rad(angle % 180)", DATASETS),
    Mutation("glyphs in another order", "for character in characters])", "for character in drawn])", DATASETS),
    Mutation("channels first stay first", "stack = np.moveaxis(stack, 1, -1)", "stack = stack", SOURCES),
    Mutation("arrays are turned as tensors", "if is_tensor and (first or not last):", "if first or not last:", SOURCES),
    Mutation("a loader may shuffle", "return not plain or batches.drop_last", "return batches.drop_last", SOURCES),
    Mutation("a last batch is lost", "return not plain or batches.drop_last", "return not plain", SOURCES),
    Mutation("a loader without batches", "if loads and X.batch_sampler is None:", "if False:", SOURCES),
    Mutation(
        "a loader moves a generator",
        "with torch.random.fork_rng(devices=[]):\n        yield",
        "if True:\n        yield",
        SOURCES,
    ),
    Mutation("a palette's numbers are colours", 'MODES = ("1", "L", "RGB")', 'MODES = ("1", "L", "RGB", "P")', SOURCES),
    Mutation("labels beside it", "(*args, *kwargs.values())) > 1", "(*args, *kwargs.values())) > 9", SOURCES),
)
