"""Public functions that do nothing: what becomes of a package where one gives back its first argument.

These mutations are made, not written: one for each function in the `__all__` of a module, and for each public method of
a class in it. Its body becomes ``return first``, ``return self`` where there is only that, and ``return None`` where
there is nothing to give back.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from benchmarks.mutations.mutation import Mutation

__all__ = ["EXEMPT", "TESTS", "identities"]

OPERATORS = {"__add__", "__call__", "__getitem__", "__iter__", "__len__", "__pow__"}
QUICK = "-m 'not slow'"

# The tests that should notice: of a module, or of a class or a function in it.
TESTS = {
    "_checks": "maps",
    "_checks.as_array": "views",
    "_checks.at_home": "plain_errors",
    "_checks.check_choice": "generation",
    "_checks.check_classifier": "metrics",
    "_checks.check_flag": "generation",
    "_checks.check_kind": "generation",
    "_checks.check_latents": "generation",
    "_checks.check_model": "metrics",
    "_checks.check_name": "augs",
    "_checks.check_number": "generation",
    "_checks.check_path": "persistence",
    "_checks.check_square": "metrics",
    "_checks.check_verbosity": "vae",
    "_checks.draw_seed": "generation",
    "_checks.one_line": "archive",
    "_checks.refuse_masked": "inputs",
    "_checks.shown": "generation",
    "_checks.unknown_name": "generation",
    "_files": "archive",
    "_rows": "mapped",
    "_sources": "sources",
    "images": "border vae",
    "images.ImageFormat.from_unit": "border metrics",
    "images.ImageFormat.from_units": "inputs",
    "images.ImageFormat.say": "inputs",
    "images.ImageFormat.to_output": "border metrics",
    "images.check_out": "out",
    "images.check_stack": "augs",
    "images.in_dtype": "out",
    "images.squared_error": "metrics",
    "learn.own_networks": "own_networks",
    "learn.starting": "networks",
    "models.verdict": "verdict",
    "models.classes": "classes",
    "datasets.drawn": "datasets",
    "datasets.homes": "datasets",
    "datasets.idx": "datasets",
    "datasets.pictures": "datasets",
    "augs.adapters": "augs",
    "augs.catalogue": "pixels",
    "augs.contract": "inputs augs",
    "augs.families": "strengths augs",
    "augs.strengths": "strengths",
    "augs.catalogue.name_augs": "augs",
    "augs.pairs": "pairs latent_maps",
    "augs.steps": "steps",
    "augs.views": "views",
    "augs.views.Views.release": "mapped",
    "augs.views.check_paired": "augmenter",
    "augs.views.declared_compositions": "image_laws",
    "augs.views.views_of": "augmenter",
    "latent.algebra": "algebra image_laws",
    "latent.families": "strengths",
    "latent.fitted_flows": "strengths",
    "latent.flows": "strengths",
    "latent.strengths": "strengths",
    "latent.maps": "maps strengths",
    "latent.maps.Moments": "moments",
    "latent.maps.ResidualNetwork": "conditional",
    "latent.maps.is_linear": "conditional",
    "latent.maps.AffineMap": "latent_maps",
    "latent.ridge": "latent_maps",
    "latent.representations": "maps conjugated_maps representations",
    "learn.coding": "border",
    "learn.coding.ImageCoder": "vae",
    "learn.coding.coder_of": "out",
    "learn.coding.decode_with_jacobian": "refine",
    "learn.coding.find_device": "persistence",
    "learn.coding.find_device_or_cpu": "persistence",
    "learn.coding.load_weights": "persistence",
    "learn.coding.refine": "refine",
    "learn.coding.weights_of": "transfer",
    "learn.affine": "latent_maps",
    "learn.conditions": "conditional",
    "learn.exporting": "exporting",
    "learn.flows": "strengths",
    "learn.geometries": "moments constraints",
    "learn.geometries.Geometry": "extending",
    "learn.geometries.Pairs.train": "conditional",
    "learn.networks": "convolutions networks",
    "learn.networks.Autoencoder": "losses",
    "learn.networks.Decoder": "vae losses",
    "learn.networks.Encoder": "vae",
    "learn.networks.ViewConditions": "conditional losses",
    "learn.networks.initialise": "vae",
    "learn.objectives": "objective direction",
    "learn.objectives.ConditionedReconstruction": "conditional",
    "learn.objectives.HeadDecoding": "transfer",
    "learn.objectives.HeadDecoding.arrays": "inputs",
    "learn.objectives.ImageLoss": "losses",
    "learn.objectives.ImageObjective.arrays": "inputs",
    "learn.objectives.ImageObjective.identity": "checkpoints",
    "learn.objectives.MapFitting": "conditional",
    "learn.objectives.divergence": "vae",
    "learn.processes": "distributed",
    "learn.resuming": "checkpoints",
    "learn.resuming.Stream": "loop",
    "learn.training": "loop",
    "learn.training.Objective": "conditional extending",
    "learn.training.Objective.arrays": "loop",
    "learn.training.Objective.identity": "checkpoints",
    "metrics.cards": "tables",
    "metrics.likeness": "likeness",
    "metrics.measures": "metrics",
    "metrics.measures.defects": "scorecard",
    "metrics.recursion": "metrics",
    "metrics.scorecard": "scorecard metrics",
    "models.augmenter": "augmenter",
    "models.augmenter.LatentAugmenter.is_invertible": "conditional",
    "models.augmenter.LatentAugmenter.partial_fit": "streams",
    "models.invariants": "strengths",
    "models.invariants.InvariantFeatures.feature_names_in_": "sklearn",
    "models.strengths.RandomTransform.feature_names_in_": "strengths",
    "models.strengths": "strengths",
    "models.base": "callbacks",
    "models.base.Estimator.save": "persistence",
    "models.codec": "moments",
    "models.orbits": "orbits",
    "models.codec.Codec.decode": "generation",
    "models.codec.Codec.latent_distribution": "generation",
    "models.codec.Codec.write": "generation",
    "models.codec.fitted_model": "transfer",
    "models.codec.start_autoencoder": "augmenter",
    "models.conditional": "conditional",
    "models.errors": "metrics tables",
    "models.errors.PairTable": "latent_maps",
    "models.errors.pair_residuals": "latent_maps",
    "models.errors.pair_row": "latent_maps",
    "models.errors.pair_table": "latent_maps",
    "models.latent_maps": "latent_maps",
    "models.latent_model": "generation",
    "models.latent_model.LatentModel.pairs_of": "pairs",
    "models.latent_model.LatentSpace.made": "pairs",
    "models.latent_model.ImageTransformer.get_feature_names_out": "sklearn::test_columns_keep_their_names",
    "models.latent_model.LatentModel.decode": "augmenter",
    "models.latent_model.LatentSpace.inverse_transform_latent": "augmenter verbs",
    "models.latent_model.LatentSpace.is_invertible": "conditional",
    "models.latent_model.LatentSpace.knows": "metrics conditional",
    "models.latent_model.LatentModel.reads": "metrics",
    "models.latent_model.LatentModel.score": "augmenter verbs",
    "models.latent_model.LatentTransform": "steps generation",
    "models.latent_model.LatentTransform.feature_names_in_": "sklearn::test_columns_keep_their_names",
    "models.latent_model.LatentTransform.fit": "augmenter",
    "models.latent_model.LatentTransform.format_": "sklearn::test_data_frames_come_out_of_rows_only",
    "models.latent_model.LatentTransform.is_invertible": "conditional",
    "models.latent_model.LatentTransform.n_features_in_": "sklearn::test_data_frames_come_out_of_rows_only",
    "models.latent_model.if_invertible": "conditional",
    "models.resampling": "resampling",
    "models.resampling.LatentResampler.suggest_allowed": "suggesting",
    "models.resampling.labels_seen": "suggesting",
    "models.tables": "tables metrics",
    "models.transfer": "transfer",
    "models.vae": "vae",
    "models.vae.VAE.learn": "extending",
    "models.vae.VAE.partial_fit": "streams",
    "persistence": "persistence",
    "displays.charts": "drawn_charts",
    "displays.charts.TrajectoryDisplay": "drawn_images displays",
    "displays.drawing": "drawn_images displays",
    "displays.pictures": "drawn_images",
    "displays.strengths": "strengths",
    "displays.tables": "drawn_charts",
}

# Nothing to notice, by module and name, and why.
EXEMPT = {
    "models.codec.RowCodec.encode": "rows are latents already, and are given back",
    "learn.geometries.Geometry.admits": "a geometry admits all: the algebra that it would give back is as true",
    "learn.processes.Processes.share": "one process shares nothing, and gives the module back as it is",
    "learn.processes.Processes.sum": "the sum over one process is what it has",
    "learn.training.Watch.begin_pass": "does nothing, for those who watch only the ends of passes",
}

Function = ast.FunctionDef


def identities(sources: dict[Path, str]) -> list[Mutation]:
    """A mutation for each public function of a package, unless it is the identity in effect."""
    made = []
    for path, source in sources.items():
        module = ".".join(path.with_suffix("").parts[1:])
        lines = source.splitlines(keepends=True)
        for name, holder, function in public_functions(ast.parse(source)):
            if f"{module}.{name}" in EXEMPT:
                continue
            before, body = lines[holder.lineno - 1 : _start(function)], lines[_start(function) : function.end_lineno]
            indent = " " * function.body[0].col_offset
            new = "".join([*before, f"{indent}return {given_back(function, holder is not function)}\n"])
            made.append(Mutation(f"{module}.{name} does nothing", "".join(before + body), new, tests_of(module, name)))
    return made


def tests_of(module: str, name: str) -> str:
    """The tests that should notice, as arguments of pytest: of a function, else of its class, else of its module."""
    keys = (f"{module}.{name}", f"{module}.{name.split('.')[0]}")
    files = TESTS[next((key for key in keys if key in TESTS), module)]
    parts = (file.partition("::") for file in files.split())
    return " ".join([*(f"tests/test_{file}.py{colons}{test}" for file, colons, test in parts), QUICK])


def public_functions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt, Function]]:
    """Name, the function or the class that holds it, and the function, of what a module says is public."""
    public = _names_in_all(tree)
    for node in tree.body:
        if isinstance(node, Function) and node.name in public:
            yield node.name, node, node
        elif isinstance(node, ast.ClassDef) and node.name in public:
            for method in node.body:
                if isinstance(method, Function) and (method.name in OPERATORS or not method.name.startswith("_")):
                    yield f"{node.name}.{method.name}", node, method


def given_back(function: Function, is_method: bool) -> str:
    """The first argument of a function beside self; self or None where there is none."""
    given = function.args
    names = [arg.arg for arg in (*given.posonlyargs, *given.args)]
    held = names[:1] if is_method and not any(_is_named(d, "staticmethod") for d in function.decorator_list) else []
    others = names[len(held) :] + [arg.arg for arg in (given.vararg, *given.kwonlyargs) if arg is not None]
    return (others or held or ["None"])[0]


def _is_named(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _names_in_all(tree: ast.Module) -> set[str]:
    assigned = (node for node in tree.body if isinstance(node, ast.Assign) and _is_named(node.targets[0], "__all__"))
    return {name for node in assigned for name in ast.literal_eval(node.value)}


def _start(function: Function) -> int:
    """Lines before the body of a function, its docstring not counted among it."""
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        return first.end_lineno or first.lineno
    return min([first.lineno, *(node.lineno for node in getattr(first, "decorator_list", []))]) - 1
