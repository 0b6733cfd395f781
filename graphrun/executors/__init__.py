"""Where steps run: inline on the loop, or in threads."""
