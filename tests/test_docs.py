"""What documents list stands in the code, too."""

import re
from pathlib import Path

from controller.tenant import Cause

DOCS = Path(__file__).parents[1] / "docs"


def rows(page: str, heading: str) -> list[str]:
    """The first cell of each row of the one table under a heading, without the quotes of code."""
    section = (DOCS / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)
    return [cell.strip("`") for cell in cells[1:]]


def test_every_reason_why_a_service_has_no_address_is_explained():
    assert rows("pools.md", "Why has my Service no address") == [cause.value for cause in Cause]
