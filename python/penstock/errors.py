"""Exceptions of penstock's own; whatever torch would raise is raised as torch raises it."""

__all__ = ["NotSupportedError"]


class NotSupportedError(RuntimeError):
    """Something cannot be made natively where there is nothing to fall back to; the message names what and why."""
