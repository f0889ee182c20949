"""What a process takes: memory and CPU, as the kernel counts them."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.report import Row, percentile

PROC = Path("/proc")
SAMPLE_SECONDS = 0.2
BUDGET_MIB = 100.0
"""With 1,000 Services, as the design has it."""
KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class Footprint:
    """Of one controller process.

    Attributes:
        rss_peak_mib: the most that was resident, since the process began.
        rss_mib: resident at the end, at rest.
        pss_peak_mib: the most that was seen, pages shared with others counted in part.
        pss_mib: the same at the end.
        cpu_seconds: user and system, while it was looked at.
    """

    rss_peak_mib: float
    rss_mib: float
    pss_peak_mib: float
    pss_mib: float
    cpu_seconds: float

    @property
    def within_budget(self) -> bool:
        """Whether the peak is what the design allows with 1,000 Services."""
        return self.rss_peak_mib <= BUDGET_MIB

    def rows(self, cpu_of: str = "CPU", budgeted: bool = True) -> tuple[Row, ...]:
        """For people.

        Args:
            cpu_of: what the CPU was spent on.
            budgeted: whether the design has a budget for so many Services.
        """
        rss = f"{self.rss_mib:.0f}, {self.rss_peak_mib:.0f} MiB"
        pss = f"{self.pss_mib:.0f}, {self.pss_peak_mib:.0f} MiB"
        budget = f"{BUDGET_MIB:.0f} MiB" if budgeted else ""
        return (
            Row("  controller, RSS at rest and peak", rss, budget, self.within_budget or not budgeted),
            Row("  controller, PSS at rest and peak", pss),
            Row(f"  controller, {cpu_of}", f"{self.cpu_seconds:.2f} s"),
        )


class Meter:
    """Looks at one process from time to time, while `metered`."""

    def __init__(self, pid: int, proc: Path = PROC) -> None:
        self._folder = proc / str(pid)
        self._pss_peak_kib = 0
        self._cpu_before = self.cpu_seconds()

    def from_now(self) -> None:
        """Count CPU from this moment."""
        self._cpu_before = self.cpu_seconds()

    def cpu_seconds(self) -> float:
        """User and system time since the process began."""
        return cpu_seconds((self._folder / "stat").read_text())

    def look(self) -> int:
        """Proportional set size in KiB now."""
        pss = kib((self._folder / "smaps_rollup").read_text(), "Pss")
        self._pss_peak_kib = max(self._pss_peak_kib, pss)
        return pss

    def footprint(self) -> Footprint:
        """What it took until now; what it takes now counts as at rest."""
        pss, status = self.look(), (self._folder / "status").read_text()
        return Footprint(
            rss_peak_mib=_mib(kib(status, "VmHWM")),
            rss_mib=_mib(kib(status, "VmRSS")),
            pss_peak_mib=_mib(self._pss_peak_kib),
            pss_mib=_mib(pss),
            cpu_seconds=round(self.cpu_seconds() - self._cpu_before, 2),
        )

    async def keep_looking(self) -> None:
        """Until the process is gone."""
        try:
            while True:
                self.look()
                await asyncio.sleep(SAMPLE_SECONDS)
        except (FileNotFoundError, ProcessLookupError):
            return


@asynccontextmanager
async def metered(pid: int) -> AsyncIterator[Meter]:
    """Look at a process inside the block."""
    meter = Meter(pid)
    task = asyncio.ensure_future(meter.keep_looking())
    try:
        yield meter
    finally:
        task.cancel()
        await asyncio.wait([task])


def typical(footprints: Sequence[Footprint]) -> Footprint:
    """Of several processes that did the same: the highest peaks, and medians of the rest."""
    return Footprint(
        rss_peak_mib=max(one.rss_peak_mib for one in footprints),
        rss_mib=percentile((one.rss_mib for one in footprints), 0.5),
        pss_peak_mib=max(one.pss_peak_mib for one in footprints),
        pss_mib=percentile((one.pss_mib for one in footprints), 0.5),
        cpu_seconds=percentile((one.cpu_seconds for one in footprints), 0.5),
    )


def kib(text: str, name: str) -> int:
    """The value of a line `NAME:  123 kB` of /proc/PID/status or smaps_rollup.

    Raises:
        ProcessLookupError: there is no such line; a process that ended has lost its memory.
    """
    for line in text.splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise ProcessLookupError(f"no {name}: the process has ended")


def cpu_seconds(stat: str, ticks: int = os.sysconf("SC_CLK_TCK")) -> float:
    """User and system time of /proc/PID/stat (proc(5), fields 14 and 15); the name may hold spaces."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / ticks


def _mib(kib: int) -> float:
    return round(kib / KIB_PER_MIB, 1)
