"""Geometry: what looks at an image from elsewhere."""
