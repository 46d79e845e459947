"""Notebook-native MLOps: a record in git and DVC, steps as notebooks, HTML reports for people."""

__version__ = "0.5.0"
