"""The rows of a window: those that were known, or a seeded share of all."""

import pandas as pd
from helpers.tables import TABLE, events, refused

SHARES = {"train": {"share": 0.7}, "current": {"share": 0.3}}


def test_labels_known_later_are_blank(place):
    TABLE.assign(known=TABLE.day + pd.Timedelta("20D")).to_csv(
        "data/in.csv", index=False
    )
    selected = events(
        source="data/in.csv",
        label_known="known",
        as_of="2020-03-15",
    )
    assert str(selected.day.max()) == "2020-03-15 00:00:00"
    assert str(selected[selected.y.notna()].day.max()) == "2020-02-24 00:00:00"


def test_without_time_the_split_is_seeded(place):
    TABLE.to_csv("data/in.csv", index=False)

    def rows(
        window,
        **settings,
    ):
        return events(
            window, SHARES, source="data/in.csv", time=None, **settings
        ).id.tolist()

    train = rows("train")
    current = rows("current")
    assert sorted(train + current) == list(range(240))
    assert len(train) == 168
    assert train == rows("train")
    assert train != rows("train", seed=1)
    too_much = {"train": {"share": 0.7}, "current": {"share": 0.5}}
    refused(
        "at most 1",
        source="data/in.csv",
        time=None,
        windows=too_much,
    )


def test_a_wide_table_gets_its_row_numbers_without_a_warning(
    place,
    recwarn,
):
    """Such a table is in many parts, of which pandas warns when a column is added."""
    wide = pd.DataFrame({f"column {i}": range(40) for i in range(300)})
    wide.assign(y=wide.index % 2).to_csv("data/in.csv", index=False)
    rows = events("train", SHARES, source="data/in.csv", time=None, keys=[])
    assert next(iter(rows)) == "row"
    assert [str(warning.message) for warning in recwarn] == []
