import os
from dataclasses import replace
from pathlib import Path

import pytest

from bench.footprint import Footprint, Meter, cpu_seconds, kib, typical

STATUS = "Name:\tferrite\nVmHWM:\t   71680 kB\nVmRSS:\t   61440 kB\nRssAnon:\t   40000 kB\n"
ROLLUP = "55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss: 61440 kB\nPss: {pss} kB\nPss_Dirty: 9 kB\n"
STAT = "77 (a (b) c) S 1 77 77 0 -1 4194560 9 0 0 0 {user} {system} 0 0 20 0 3 0 100 0 0\n"


def write(folder: Path, pss: int, user: int, system: int) -> None:
    process = folder / "77"
    process.mkdir(exist_ok=True)
    (process / "status").write_text(STATUS)
    (process / "smaps_rollup").write_text(ROLLUP.format(pss=pss))
    (process / "stat").write_text(STAT.format(user=user, system=system))


def test_cpu_is_user_and_system_whatever_the_name() -> None:
    assert cpu_seconds(STAT.format(user=150, system=50), ticks=100) == 2.0


def test_a_line_is_found_by_its_whole_name() -> None:
    assert kib(ROLLUP.format(pss=50), "Pss") == 50
    with pytest.raises(ProcessLookupError, match="no VmRSS"):
        kib("Name:\tferrite\nState:\tZ (zombie)\n", "VmRSS")


def test_a_meter_keeps_the_peak_and_counts_cpu_from_its_beginning(tmp_path: Path) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    write(tmp_path, pss=30720, user=5 * ticks, system=ticks)
    meter = Meter(77, tmp_path)
    write(tmp_path, pss=51200, user=6 * ticks, system=ticks)
    meter.look()
    write(tmp_path, pss=40960, user=7 * ticks, system=2 * ticks)
    assert meter.footprint() == Footprint(70.0, 60.0, 50.0, 40.0, 3.0)
    meter.from_now()
    assert meter.footprint().cpu_seconds == 0.0


async def test_looking_ends_with_the_process(tmp_path: Path) -> None:
    write(tmp_path, pss=30720, user=0, system=0)
    meter = Meter(77, tmp_path)
    (tmp_path / "77" / "smaps_rollup").write_text("")
    await meter.keep_looking()


def test_the_budget_is_for_the_peak() -> None:
    within = Footprint(100.0, 60.0, 50.0, 40.0, 1.0)
    assert within.within_budget
    assert not replace(within, rss_peak_mib=100.1).within_budget
    assert [row.within for row in replace(within, rss_peak_mib=100.1).rows()] == [False, True, True]


def test_of_several_the_highest_peak_and_the_median_rest() -> None:
    several = [
        Footprint(70.0, 60.0, 50.0, 40.0, 1.0),
        Footprint(90.0, 61.0, 49.0, 41.0, 3.0),
        Footprint(80.0, 62.0, 48.0, 42.0, 2.0),
    ]
    assert typical(several) == Footprint(90.0, 61.0, 50.0, 41.0, 2.0)
