"""What the speed and size targets are measured with; each figure is a ratio taken inside one run."""
