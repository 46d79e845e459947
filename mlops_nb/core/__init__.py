"""What everything else rests on: errors, settings, files, locks, messages."""
