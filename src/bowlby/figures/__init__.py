"""Figures of a run, each as SVG, PDF and PNG with its data as CSV."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bowlby.config.run import Run
from bowlby.files import atomic, read_json, write_csv

KINDS = ("svg", "pdf", "png")
BLUE, GREY = "#0072b2", "#777777"


def names(run: Run) -> list[str]:
    """Figures that a run calls for."""
    return (["forest", "caterpillar"] if run.comparison else []) + (["trajectory"] if run.growth else []) + ["flow"]


def outputs(run: Run) -> list[str]:
    """Files that :func:`build` writes, relative to the run's folder."""
    return [
        f for name in names(run) for f in (*(f"figures/{name}.{kind}" for kind in KINDS), f"figures/data/{name}.csv")
    ]


def build(folder: Path) -> None:
    """Draw the figures that the results call for."""
    folder = Path(folder)
    if (folder / "comparison.json").is_file():
        comparison = read_json(folder / "comparison.json")
        _save(folder, "forest", forest_data(comparison), lambda ax, d: _forest(ax, d, comparison["delta"]))
        _save(
            folder,
            "caterpillar",
            caterpillar_data(pd.read_parquet(folder / "fits/primary.random.parquet")),
            _caterpillar,
        )
    if (folder / "fits/growth.json").is_file():
        _save(
            folder,
            "trajectory",
            trajectory_data(
                read_json(folder / "fits/growth.json"), pd.read_parquet(folder / "analysis/growth.parquet")
            ),
            _trajectory,
        )
    _save(folder, "flow", flow_data(folder), _flow)


def forest_data(comparison: dict) -> pd.DataFrame:
    """P, T, P-T, P+T with their 95 % limits."""
    return pd.DataFrame(
        [
            {
                "effect": name,
                "estimate": comparison[name]["estimate"],
                "ci_low": comparison[name]["ci"][0],
                "ci_high": comparison[name]["ci"][1],
            }
            for name in ("P", "T", "P-T", "P+T")
        ]
    )


def caterpillar_data(effects: pd.DataFrame) -> pd.DataFrame:
    """Therapist effects in order of size, without ids."""
    rows = effects[(effects["group"] == "therapist") & (effects["term"] == "Intercept")].sort_values(
        "value", ignore_index=True
    )
    half = 1.96 * rows["variance"] ** 0.5
    return pd.DataFrame(
        {
            "rank": range(1, len(rows) + 1),
            "effect": rows["value"],
            "ci_low": rows["value"] - half,
            "ci_high": rows["value"] + half,
        }
    )


def trajectory_data(fit: dict, data: pd.DataFrame) -> pd.DataFrame:
    """Observed means and the model's line per time; times with fewer than 5 patients are left out."""
    b = {f["term"]: f["estimate"] for f in fit["fixed"]}
    table = data.groupby("time")["y"].agg(["mean", "size"]).reset_index()
    table = table[table["size"] >= 5].rename(columns={"mean": "observed", "size": "n"})
    return table.assign(model=b["Intercept"] + b["time"] * table["time"])


def flow_data(folder: Path) -> pd.DataFrame:
    """Steps from the raw files to the analysed rows."""
    steps = read_json(folder / "flow.json")["steps"]
    for path in sorted(p for s in ("primary", "growth") for p in (folder / "analysis").glob(f"{s}.flow.json")):
        steps = steps + read_json(path)["steps"]
    return pd.DataFrame(steps, columns=["step", "patients", "therapists", "rows", "reason"])


def _save(folder: Path, name: str, data: pd.DataFrame, draw) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    write_csv(folder / f"figures/data/{name}.csv", data)
    with plt.rc_context(
        {"svg.hashsalt": "bowlby", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    ):
        figure, axes = plt.subplots(
            figsize=(7, 1.6 + 0.42 * len(data) if name == "flow" else 3.4), layout="constrained"
        )
        draw(axes, data)
        for kind in KINDS:
            stamp = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}[kind]
            atomic(
                folder / f"figures/{name}.{kind}",
                lambda p, k=kind, s=stamp: figure.savefig(p, format=k, metadata=s, dpi=150),
            )
        plt.close(figure)


def _forest(ax, data: pd.DataFrame, delta: float) -> None:
    y = range(len(data))[::-1]
    ax.axvspan(-delta, delta, color="#dddddd", label=f"equivalence bound ±{delta:g}")
    ax.axvline(0, color=GREY, lw=1)
    ax.errorbar(
        data["estimate"],
        y,
        xerr=[data["estimate"] - data["ci_low"], data["ci_high"] - data["estimate"]],
        fmt="o",
        color=BLUE,
        capsize=3,
    )
    labels = {"P": "P: perceived attachment", "T": "T: therapist style", "P-T": "P − T", "P+T": "P + T"}
    ax.set_yticks(list(y), [labels[e] for e in data["effect"]])
    ax.set_xlabel("SD of outcome per SD of predictor (95 % CI)")
    ax.set_ylim(-0.6, len(data) - 0.4)
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8)


def _caterpillar(ax, data: pd.DataFrame) -> None:
    ax.axhline(0, color=GREY, lw=1)
    ax.errorbar(
        data["rank"],
        data["effect"],
        yerr=[data["effect"] - data["ci_low"], data["ci_high"] - data["effect"]],
        fmt="o",
        ms=3,
        color=BLUE,
        lw=1,
    )
    ax.set_xlabel("therapists, in order of effect (anonymous)")
    ax.set_ylabel("effect on outcome\n(outcome units, 95 %)")


def _trajectory(ax, data: pd.DataFrame) -> None:
    ax.plot(data["time"], data["model"], color=BLUE, label="model")
    ax.plot(data["time"], data["observed"], "o", color="#d55e00", label="observed mean")
    ax.set_xlabel("time since the first session")
    ax.set_ylabel("outcome (own units)")
    ax.legend(frameon=False)


def _flow(ax, data: pd.DataFrame) -> None:
    y = range(len(data))[::-1]
    ax.barh(list(y), data["patients"], color="#9ecae1")
    for at, n in zip(y, data["patients"]):
        ax.text(0, at, f" {n}", va="center", fontsize=9)
    ax.set_yticks(list(y), data["step"])
    ax.set_xlabel("patients")
