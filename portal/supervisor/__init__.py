"""Starting, watching and stopping the portal's processes on one machine: what `make run` does."""
