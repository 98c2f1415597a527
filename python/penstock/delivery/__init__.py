"""Batches on their way to a device: copies beside what is computed there, and bytes that become values there."""
