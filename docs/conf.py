"""Sphinx configuration."""

from latentaug import __version__

project = "latentaug"
author = "The latentaug developers"
copyright = "2026, The latentaug developers"
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]

templates_path = ["_templates"]
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "plot_gallery": False,  # the examples train; `make demo` runs the first
    "remove_config_comments": True,
    "download_all_examples": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "latentaug"
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("index", "install", "method", "generation", "paper")}
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}
exclude_patterns = ["_build", "auto_examples/*.ipynb"]
