"""From a source to the features of a window, and the profile that monitoring needs of it."""
