"""Filters: what makes a pixel of those around it."""
