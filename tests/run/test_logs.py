import logging

from ferrite.run import logs


def test_warnings_of_the_same_words_are_few_a_minute_and_counted() -> None:
    seconds = 0.0
    seldom = logs.Seldom(lambda: seconds)

    def told(level: int, words: str) -> int | None:
        record = logging.makeLogRecord({"levelno": level, "msg": words})
        return getattr(record, "left_out", 0) if seldom.filter(record) else None

    first = [told(logging.WARNING, "not written") for _ in range(logs.SPELL_WARNINGS + 6)]
    assert first == [*[0] * logs.SPELL_WARNINGS, *[None] * 6]
    assert (told(logging.WARNING, "not read"), told(logging.ERROR, "not written")) == (0, 0)
    seconds = 60.0
    assert [told(logging.WARNING, "not written") for _ in range(2)] == [6, 0]
