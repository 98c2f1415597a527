"""timm's own transforms, which draw from Python's generator."""
