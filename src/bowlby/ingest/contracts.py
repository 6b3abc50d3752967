"""What leaves this stage, as pandera schemas."""

from __future__ import annotations

import pandas as pd

from bowlby.ingest.dates import DATE
from bowlby.ingest.harmonise import KEY


def validate(people: dict[str, pd.DataFrame], measures: dict[str, pd.DataFrame]) -> None:
    """Check the tables against their contract; a breach is a fault of the package, not of the data."""
    import pandera.pandas as pa

    def text(nullable=False, unique=False):
        return pa.Column(nullable=nullable, unique=unique)

    pa.DataFrameSchema({"patient": text(unique=True), "therapist": text(True)}).validate(people["patients"])
    pa.DataFrameSchema({"therapist": text(unique=True)}).validate(people["therapists"])
    pa.DataFrameSchema(
        {
            "patient": text(),
            "therapist": text(),
            "weight": pa.Column(float, pa.Check.in_range(0, 1.000001)),
            "sessions": pa.Column(float, nullable=True),
        },
        unique=["patient", "therapist"],
    ).validate(people["episodes"])
    when = {"session": pa.Column("Int64", pa.Check.ge(0), nullable=True), "date": pa.Column(DATE, nullable=True)}
    sessions = pa.DataFrameSchema(
        {"patient": text(), "therapist": text(True)} | when, unique=["patient", "session", "date"]
    )
    sessions.validate(people["sessions"])
    numbered = people["sessions"].dropna(subset="session")
    pa.DataFrameSchema({"patient": text()}, unique=["patient", "session"]).validate(numbered)
    measure = pa.DataFrameSchema(
        {"person": text(), "role": text(), "about": text(), "occasion": text(), "source_row": pa.Column(int)} | when,
        unique=KEY,
    )
    for table in measures.values():
        measure.validate(table)
