"""The pages' examples are run by pytest; what Sphinx makes, and its settings, are not."""

collect_ignore = ["conf.py", "_build", "auto_examples", "generated", "sg_execution_times.rst"]
