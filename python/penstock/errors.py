"""Exceptions of penstock's own; whatever torch would raise is raised as torch raises it."""

from typing import ClassVar

__all__ = ["ArgumentError", "CommandError", "NotSupportedError"]


class NotSupportedError(RuntimeError):
    """Something cannot be made natively where there is nothing to fall back to; the message names what and why."""


class CommandError(Exception):
    """What ends a command; the message is all that its user needs to see.

    Attributes:
        exit_code: Of the command.
    """

    exit_code: ClassVar[int] = 1


class ArgumentError(CommandError):
    """A wrong argument of a command: the only thing with this exit code, which is that of an unknown option, too."""

    exit_code = 2
