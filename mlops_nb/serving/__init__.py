"""A model that answers requests while it is watched."""
