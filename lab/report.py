"""What `python -m lab status` prints."""

from lab.cluster import Lab
from lab.daemons import UNIT_PREFIXES
from lab.network import roles
from lab.state import HOSTS, address4, address6
from lab.units import UnitStatus
from lab.words import table


async def status_report(lab: Lab, *, daemons_only: bool = False) -> str:
    """Return the tables of programs and of namespaces."""
    units = await lab.units()
    if daemons_only:
        units = tuple(unit for unit in units if unit.name.startswith(UNIT_PREFIXES))
        return unit_table(units)
    rows: list[tuple[str, ...]] = [("PLACE", "NAMESPACE", "IPV4", "IPV6")]
    for role in roles(lab.nodes):
        known = role in HOSTS or role == "remote" or role.startswith("node-")
        addresses = (address4(role), address6(role)) if known else ("-", "-")
        rows.append((role, lab.state.namespace(role), *addresses))
    return "\n".join(
        [unit_table(units), "", table(rows), "", f"kubeconfig  {lab.kubeconfig}", f"logs  {lab.state.logs}"]
    )


def unit_table(units: tuple[UnitStatus, ...]) -> str:
    """Return one line for each program."""
    rows: list[tuple[str, ...]] = [("UNIT", "PID", "RESTARTS", "STATE")]
    rows += [(unit.name, str(unit.pid or "-"), str(unit.restarts), unit_state(unit)) for unit in units]
    return table(rows)


def unit_state(unit: UnitStatus) -> str:
    """Return one word, and the exit status where a program has ended."""
    if unit.pid is not None:
        return "running"
    ended = f" (status {unit.exit_status})" if unit.exit_status is not None else ""
    return f"{'waiting to start again' if unit.wanted else 'stopped'}{ended}"
