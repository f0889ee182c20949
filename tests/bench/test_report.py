import pytest

from bench.report import Row, percentile, table


@pytest.mark.parametrize(
    ("share", "wanted"),
    [
        pytest.param(0.0, 1.0, id="least"),
        pytest.param(0.5, 5.0, id="middle-of-ten"),
        pytest.param(0.51, 6.0, id="just-above"),
        pytest.param(0.99, 10.0, id="of-few-the-worst"),
        pytest.param(1.0, 10.0, id="worst"),
    ],
)
def test_percentiles_are_values_that_were_measured(share: float, wanted: float) -> None:
    assert percentile([float(number) for number in (7, 3, 10, 1, 2, 9, 4, 6, 8, 5)], share) == wanted


def test_of_two_hundred_the_99th_percentile_leaves_two_out() -> None:
    assert percentile(range(1, 201), 0.99) == 198


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="no percentile of nothing"):
        percentile([], 0.5)


def test_the_table_lines_up_and_names_what_is_over() -> None:
    rows = [Row("fast", "1 s", "2 s"), Row("slow one", "300.5 s", "2 s", within=False), Row("free", "7/s")]
    assert table(rows).splitlines() == [
        "what      measured  budget",
        "fast           1 s  2 s",
        "slow one   300.5 s  2 s OVER",
        "free           7/s",
    ]
