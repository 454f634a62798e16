"""Sphinx configuration."""

import os

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx_gallery.sorting import ExplicitOrder

from latentaug import __version__

os.environ.setdefault("OMP_NUM_THREADS", "2")  # of the examples, before any of them imports numpy

project = "latentaug"
author = "The latentaug developers"
copyright = "2026, The latentaug developers"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]

templates_path = ["_templates"]
exclude_patterns = ["_build", "auto_examples/*.ipynb"]

autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_validation_checks = {
    "all",  # but these:
    "ES01",  # a summary that says it all needs no more,
    "EX01",  # an example of a class serves its methods,
    "SA01",  # the API page stands by task,
    "PR04",  # "as in plot" for several parameters at once,
    "PR07",  # a name and a type can say enough,
    "PR08",  # n and d are lower case,
    "RT01",  # an annotation tells what is returned, where a summary needs no more
    "RT02",  # scikit-learn's own methods name what they return,
    "RT03",  # "Itself" need not be described twice,
    "RT04",  # float64 is lower case,
    "SS05",  # a summary may be a noun: "Images with ... undone".
}
numpydoc_validation_exclude = {
    r"\.augs\.",  # the contract of an augmentation stands in the module, once
    r"\.learn\.",  # what a class of one's own fills in, said once
    r"\.latent\.(cyclic_table|fit_(free|orthogonal)_map)$",  # a formula in one line, shapes included
    r"\.Algebra\.",  # predicates in one line
    r"\.(knows|reads|decoder_of|encoder_of)$",  # so are what a model can do with a view
    r"\.LatentTransform\.(fit|inverse|compose|push)$",  # and what follows from the transform that it is called on
    r"\.(Algebra|AffineMap|CarryMatrix|ErrorRow|ErrorTable|Estimate|EstimateDisplay|FamilyLaws|Flow)$",  # attributes
    r"\.(Mixture|Moments|Overlap|PairRow|PairTable|RecursionCurve|ScoreRow|Scorecard|Verdict|Views)$",
    r"\.(checked|made|pairs_of|draw|powers|canonical_latent)$",  # of a model, or a distribution, and its own views
    r"\.(RandomTransform|InvariantFeatures)\.(fit|transform_latent)$",  # as in the augmenter
    r"\.Network\.(get_params|set_params)$",  # scikit-learn's protocol
    r"\.Views\.",  # verbs in one line
    r"\.__pow__$",  # an operator
    r"\.to_frame$",  # the table as a frame
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"/paper/|__init__\.py",
    "within_subsection_order": ExplicitOrder(
        [
            "plot_quickstart.py",
            "plot_glyphs.py",
            "plot_method.py",
            "plot_own_augmentation.py",
            "plot_compose_and_undo.py",
            "plot_paired_data.py",
            "plot_geometries.py",
            "plot_transfer.py",
            "plot_own_autoencoder.py",
            "plot_model_selection.py",
            "plot_resampling.py",
            "plot_sharded.py",
            "*",
            "plot_generate.py",
            "plot_hundred_flips.py",
        ]
    ),
    "reset_modules": ("matplotlib",),
    "doc_module": ("latentaug",),
    "reference_url": {"latentaug": None},
    "backreferences_dir": "generated/backreferences",
    "plot_gallery": True,
    "abort_on_example_error": True,
    "min_reported_time": 1,
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_memory": False,
    "capture_repr": (),
    "first_notebook_cell": '%pip install --quiet "latentaug[demo]"',
}

# Pages with no others beneath or beside them in the table of contents.
PAGES_ALONE = [
    "index", "install", "getting_started", "method", "glossary", "paper", "benchmarks", "comparison", "faq", "cite",
    "changes",
]  # fmt: skip
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_math_renderer = "mathml"
html_title = "latentaug"
html_show_sourcelink = False
toc_object_entries_show_parents = "hide"
html_sidebars = {page: [] for page in PAGES_ALONE}
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "show_prev_next": False,
}


def write_math(translator, node):
    """Write a formula as MathML, which browsers draw by themselves: the pages ask no network for anything."""
    translator.body.append(tex2mathml(node.astext()))
    raise SkipNode


def write_display(translator, node):
    """Write a displayed formula, with its alignment."""
    translator.body.append(f'<div class="formula">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise SkipNode


def setup(app):
    """Register the renderer of formulas."""
    app.add_html_math_renderer("mathml", (write_math, None), (write_display, None))
