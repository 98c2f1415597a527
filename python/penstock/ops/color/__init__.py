"""Colour: what changes the values of pixels and looks at no neighbour."""
