"""What people do to runs and goals: approve, dismiss, cancel, pause, undo."""
