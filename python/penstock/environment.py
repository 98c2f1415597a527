"""`penstock explain --environment`: what is installed here, and what of it gives what penstock gives."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.agreement import Outcome

__all__ = ["Environment", "environment"]


@dataclasses.dataclass(frozen=True)
class Environment:
    """What the native ways depend on, in this process.

    Attributes:
        versions: Of Python, the libraries, and what Pillow is built with.
        processor: Which vector instructions penstock ("simd_level") and torch ("torch_capability") use, and how many
            cores this process may use.
        steps_aside: Why plans, reading files or recording are not tried at all; nothing where they are.
        probes: What the libraries were asked, and what came of it.
    """

    versions: dict[str, str]
    processor: dict[str, Any]
    steps_aside: dict[str, str]
    probes: "tuple[Outcome, ...]"

    def __str__(self) -> str:
        width = max(len(what) for what, _, _ in self._rows())
        lines = [f"{what:<{width}}  {value}  {why}".rstrip() for what, value, why in self._rows()]
        return "\n".join(["penstock: this environment", *(f"  {line}" for line in lines)])

    def __rich__(self) -> Any:
        from rich.markup import escape
        from rich.table import Table

        table = Table(title="penstock: this environment", title_justify="left")
        for heading in ("what", "here", "why, or what for"):
            table.add_column(heading)
        for what, value, why in self._rows():
            shown = f"[bold red]{value}[/]" if value == "not passed" else escape(value)
            table.add_row(escape(what), shown, escape(why))
        return table

    def _rows(self) -> Iterator[tuple[str, str, str]]:
        for name, version in self.versions.items():
            yield name, version, ""
        for name, value in self.processor.items():
            yield name.replace("_", " "), str(value), ""
        for use, reason in self.steps_aside.items():
            yield use, "not tried", reason
        for outcome in self.probes:
            what = f"{outcome.name}: {outcome.of}" if outcome.of else outcome.name
            yield what, outcome.outcome, outcome.why or f"for {outcome.guards}"


def environment() -> Environment:
    """Ask the installed libraries whatever was not asked yet, and return what came of it."""
    import torch
    from PIL import features

    from penstock import _native, compat, machine
    from penstock.agreement import PROBES

    versions = machine.versions()
    for feature in ("libjpeg_turbo", "zlib", "zlib_ng"):
        if (version := features.version(feature)) is not None:
            versions[f"Pillow's {feature}"] = version
    processor = {
        "simd_level": _native.simd_level(),
        "torch_capability": torch.backends.cpu.get_cpu_capability(),
        "cores": _native.available_parallelism(),
    }
    uses = {use: compat.why_not(use) for use in (compat.LOWERING, compat.FILES, compat.RECORDING)}
    return Environment(
        versions,
        processor,
        {use: reason for use, reason in uses.items() if reason is not None},
        tuple(outcome for probe in PROBES for outcome in probe.outcomes()),
    )
