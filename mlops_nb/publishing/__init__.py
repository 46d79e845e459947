"""Pages and messages for those who do not run anything."""
