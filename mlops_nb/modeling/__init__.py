"""A model and everything that is said of it: training, metrics, comparison, the gate."""
