"""What a worker sends: a batch, and what it tells with it.

Whoever of ours has something to tell does so under a name of its own; of one that has not, nothing is sent.
"""

from typing import Any

from penstock.compat.torch import pin_memory

__all__ = ["Message", "telling", "told_by"]


class Message:
    """A batch on its way out of a worker.

    Args:
        data: It, or the exception in its place.
        told: By name, what is told with it.

    Attributes:
        data: The same.
        told: The same.
    """

    __slots__ = ("data", "told")

    def __init__(self, data: Any, told: dict[str, Any]) -> None:
        self.data, self.told = data, told

    def __reduce__(self) -> Any:
        return Message, (self.data, self.told)

    def pin_memory(self) -> "Message":
        """Return it with its batch in page-locked memory; torch's thread asks for it."""
        return Message(pin_memory(self.data), self.told)


def telling(data: Any, **told: Any) -> Message:
    """Return a batch, or what it is sent as, with more that is told.

    Args:
        data: A batch, or a message, to which it is added.
        told: What is told, by name; None if that is nothing.
    """
    message = data if isinstance(data, Message) else Message(data, {})
    message.told.update((name, each) for name, each in told.items() if each is not None)
    return message


def told_by(data: Any) -> dict[str, Any]:
    """Return what is told with a batch; nothing by one that was not sent."""
    return data.told if isinstance(data, Message) else {}
