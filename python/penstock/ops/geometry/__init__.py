"""Geometry: what looks at a picture from elsewhere."""
