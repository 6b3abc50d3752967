"""G1 where patients leave: with the number of occasions in the model, and averaged over it (a pattern-mixture model).

    python benchmarks/growth/leaving.py --studies 100

Resumes: writes a row for each study to leaving.csv beside this file, and prints the rates. P is the slope of perceived
attachment, 0 in the worlds here. ``given``: P at equal number of occasions, from a model with the number and its
product with time. ``averaged``: P given + G D, G the effect of the number on the slope and D that of perceived
attachment on the number; it is the slope in all patients if the slope is linear in the number.
"""

import argparse
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from run import DESIGN, DESIGNS, WORLDS, study  # this folder

from bowlby.effect import Effect, effects_of
from bowlby.fit.growth import growth_model
from bowlby.fit.record import contrast
from bowlby.mixed import MixedModel
from bowlby.terms import P, T, by_time, sloped

TARGET = Path(__file__).parent / "leaving.csv"
LEAVING = [world for world, asked in WORLDS.items() if asked.get("leave") == "fast"]
FORMS = {"number": lambda n: n, "log of the number": np.log}


def slopes(data: pd.DataFrame) -> dict[str, Effect]:
    """P by the model of the product, given the number, and averaged over it."""
    fits = {"product": effect(growth_model(data, DESIGN).fit(), {by_time(P): 1.0})}
    for form, function in FORMS.items():
        size = data.groupby("patient")["y"].transform("size")
        number = function(size.astype(float))
        number = number - number[~data["patient"].duplicated()].mean()
        own = data.assign(number=number, number_by_time=number * data["time"])
        result = growth_model(own, DESIGN, ["number", "number_by_time"]).fit()
        people = own.drop_duplicates("patient").assign(y=lambda rows: rows["number"])
        through = effect(MixedModel.from_terms("y", [P, T], sloped(P), people).fit(), {P: 1.0})
        given, more = (effect(result, {name: 1.0}) for name in (by_time(P), "number_by_time"))
        total = effect(result, {by_time(P): 1.0, "number_by_time": through.estimate})
        se = float(np.hypot(total.se, more.estimate * through.se))
        fits[f"given, {form}"] = given
        fits[f"averaged, {form}"] = Effect(total.estimate, se, min(total.df, through.df))
    return fits


def effect(result, weights: dict[str, float]) -> Effect:
    """A contrast by Kenward-Roger."""
    return effects_of([contrast(result, "one", weights)])["one"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--design", choices=list(DESIGNS), action="append")
    asked = parser.parse_args()
    done = pd.read_csv(TARGET) if TARGET.is_file() else pd.DataFrame(columns=["world", "design", "study"])
    for world in LEAVING:
        for design in asked.design or DESIGNS:
            known = set(done.loc[(done["world"] == world) & (done["design"] == design), "study"])
            for number in sorted(set(range(asked.studies)) - known):
                rng = np.random.default_rng([20, zlib.crc32(f"{world} {design}".encode()), number])
                rows = [
                    {"world": world, "design": design, "study": number, "model": name, "estimate": e.estimate,
                     "low": e.limits(0.975)[0], "high": e.limits(0.975)[1]}
                    for name, e in slopes(study(rng, *DESIGNS[design], **WORLDS[world])).items()
                ]  # fmt: skip
                done = pd.concat([done, pd.DataFrame(rows)], ignore_index=True) if len(done) else pd.DataFrame(rows)
                done.round(5).to_csv(TARGET, index=False)
    truth = done["world"].map(lambda world: WORLDS[world].get("p", 0.0))
    done = done.assign(supported=done["low"] > 0, covered=(done["low"] <= truth) & (done["high"] >= truth))
    table = done.groupby(["world", "design", "model"], sort=False)[["estimate", "supported", "covered"]].mean()
    print(table.assign(studies=done.groupby(["world", "design", "model"], sort=False).size()).round(3).to_string())


if __name__ == "__main__":
    main()
