"""Whether what comes in is still what the model has learned from."""
