"""Notebook-native MLOps: git and DVC are the record, notebooks are the steps, HTML is the face."""

__version__ = "0.5.0"
