__version__ = "0.1.0"
DOCUMENTATION = "https://latentaug.readthedocs.io/en/latest/"
