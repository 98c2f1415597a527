"""Which of its variables code compares by identity, as no object can tell that it is compared so.

What stands for a value is never the value itself: `label is None` is false of it, whatever the label is.
"""

import dis
import functools
import types
from typing import NamedTuple

__all__ = ["compared"]

# What puts something onto the stack that was there before a sample was looked up.
_CONSTANT = ("LOAD_CONST", "LOAD_GLOBAL")
_NO_INSTRUCTIONS = ("CACHE", "EXTENDED_ARG", "NOP", "RESUME")


class Compared(NamedTuple):
    """Names of a function's parameters.

    Attributes:
        names: What is compared.
        owners: Of which an attribute is compared.
    """

    names: frozenset[str]
    owners: frozenset[str]


@functools.lru_cache(maxsize=512)
def compared(code: types.CodeType, *, within: bool = False) -> Compared | None:
    """Return the parameters of a function that its code compares by identity.

    Args:
        code: The function's.
        within: Whether the function is made in another one, whose variables it may see.

    Returns:
        Their names, and those of whose attributes it compares; None if it compares, or matches by a pattern, what it
        may have computed.
    """
    instructions = [each for each in dis.get_instructions(code) if each.opname not in _NO_INSTRUCTIONS]
    names, owners = set[str](), set[str]()
    for place, instruction in enumerate(instructions):
        if instruction.opname.startswith("MATCH_"):
            return None
        is_jump = "JUMP" in instruction.opname and instruction.opname.endswith("NONE")
        if not is_jump and instruction.opname != "IS_OP":
            continue
        # Of `IS_OP` the right one is put onto the stack last.
        behind = [] if is_jump else [instructions[place - 1]]
        compares = instructions[place - 1 - len(behind)]
        if any(each.is_jump_target for each in (instruction, *behind)):
            return None
        if any(each.opname not in ("LOAD_CONST", "LOAD_GLOBAL") for each in behind):
            return None
        if compares.opname.startswith("LOAD_FAST") and isinstance(compares.argval, str) and not within:
            names.add(compares.argval)
        elif (owner := _owner(instructions, place - 1 - len(behind), code, within=within)) is None:
            return None
        else:
            owners.add(owner)
    for name in names:
        assigned = _assigned(name, instructions, code)
        if assigned is None:
            return None
        owners |= assigned
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return Compared(frozenset(names & set(parameters)), frozenset(owners & set(parameters)))


def _owner(instructions: list[dis.Instruction], place: int, code: types.CodeType, *, within: bool) -> str | None:
    """Return of which parameter the attribute is that an instruction puts onto the stack.

    An object that the function has made may hold what was looked up, so not every attribute was there before.

    Returns:
        The parameter's name; the empty string if it is a constant, or in a cell that was there before the function was
        called, or an attribute of either; None if it may be anything else.
    """
    while instructions[place].opname == "LOAD_ATTR":
        if instructions[place].is_jump_target:
            return None
        place -= 1
    loads = instructions[place]
    if loads.opname in _CONSTANT:
        return ""
    if within or not isinstance(loads.argval, str):
        return None
    if loads.opname == "LOAD_DEREF" and loads.argval in code.co_freevars:
        return ""
    is_variable = loads.opname.startswith("LOAD_FAST") or loads.opname == "LOAD_DEREF"
    is_parameter = loads.argval in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return loads.argval if is_variable and is_parameter and not _is_stored(loads.argval, code) else None


def _is_stored(name: str, code: types.CodeType) -> bool:
    """Whether code, or code of a function within it, assigns to a variable."""
    stores = (each.argval for each in dis.get_instructions(code) if each.opname.startswith("STORE_"))
    if any(stored == name if isinstance(stored, str) else name in (stored or ()) for stored in stores):
        return True
    return any(isinstance(each, types.CodeType) and _is_stored(name, each) for each in code.co_consts)


def _assigned(name: str, instructions: list[dis.Instruction], code: types.CodeType) -> set[str] | None:
    """Return the parameters whose attributes are assigned to a variable; None if anything else may be."""
    owners = set[str]()
    for place, instruction in enumerate(instructions):
        if not instruction.opname.startswith("STORE_FAST"):
            continue
        if instruction.argval == name:
            owner = None if instruction.is_jump_target else _owner(instructions, place - 1, code, within=False)
            if owner is None:
                return None
            owners.add(owner)
        elif not isinstance(instruction.argval, str) and name in instruction.argval:
            return None
    return owners
