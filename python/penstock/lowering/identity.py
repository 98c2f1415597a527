"""Which of its variables code compares by identity, as no object can tell that it is compared so.

What stands for a value is never the value itself: `label is None` is false of it, whatever the label is.
"""

import dis
import functools
import types

__all__ = ["compared"]

# What puts something onto the stack that was there before a sample was looked up.
_CONSTANT = ("LOAD_ATTR", "LOAD_CONST", "LOAD_GLOBAL")
_NO_INSTRUCTIONS = ("CACHE", "EXTENDED_ARG", "NOP", "RESUME")


@functools.lru_cache(maxsize=512)
def compared(code: types.CodeType, *, within: bool = False) -> frozenset[str] | None:
    """Return the parameters of a function that its code compares by identity.

    Args:
        code: The function's.
        within: Whether the function is made in another one, whose variables it may see.

    Returns:
        Their names; None if it compares, or matches by a pattern, what it may have computed.
    """
    instructions = [each for each in dis.get_instructions(code) if each.opname not in _NO_INSTRUCTIONS]
    names = set[str]()
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
        elif compares.opname not in _CONSTANT and not _is_of_its_own(compares, code, within=within):
            return None
    if any(_may_be_computed(name, instructions) for name in names):
        return None
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return frozenset(names & set(parameters))


def _is_of_its_own(instruction: dis.Instruction, code: types.CodeType, *, within: bool) -> bool:
    """Whether what is compared is in a cell that was there before the function was called."""
    return instruction.opname == "LOAD_DEREF" and instruction.argval in code.co_freevars and not within


def _may_be_computed(name: str, instructions: list[dis.Instruction]) -> bool:
    """Whether anything else than what was there before is assigned to a variable."""
    for place, instruction in enumerate(instructions):
        if not instruction.opname.startswith("STORE_FAST"):
            continue
        if instruction.argval == name:
            if instruction.is_jump_target or instructions[place - 1].opname not in _CONSTANT:
                return True
        elif not isinstance(instruction.argval, str) and name in instruction.argval:
            return True
    return False
