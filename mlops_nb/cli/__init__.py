"""The command line: what is typed, read and shown."""
