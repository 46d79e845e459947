"""What every area needs: errors, messages, files, settings, locks, git."""
