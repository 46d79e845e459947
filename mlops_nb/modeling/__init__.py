"""From features to a model, and what is known of how good it is."""
