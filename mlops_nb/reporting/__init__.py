"""Pages, figures and tables: what a reader sees of a run."""
