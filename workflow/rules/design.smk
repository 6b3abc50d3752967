# All analysis sets of a small study and their models in one job, else one rule a set; the set of perceived attachment,
# which reads no outcome, also says what the sample can show.
BUILT = ["design", "fit"] if PLAN.small else ["design"]


def fitted(sets):
    """Fits of the models of some analysis sets, by kind of file."""
    return {
        "fits": expand("{out}/fits/{model}.json", out=OUT, model=PLAN.models(*sets)),
        "random": expand("{out}/fits/{model}.random.parquet", out=OUT, model=PLAN.models(*sets)),
        "second": expand("{out}/fits/second/{set}.json", out=OUT, set=sets),
    }


for NAME, SETS in PLAN.batches.items():

    rule:
        name:
            "build_and_fit_models" if "fit" in BUILT else f"build_{NAME}_sets"
        input:
            scores=SCORED["scores"],
            people=PEOPLE,
            measures=MEASURES if "primary" in SETS else [],
        output:
            **(fitted(SETS) if "fit" in BUILT else {}),
            data=expand("{out}/analysis/{set}.parquet", out=OUT, set=SETS),
            columns=expand("{out}/analysis/{set}.columns.csv", out=OUT, set=SETS),
            membership=expand("{out}/analysis/{set}.membership.parquet", out=OUT, set=SETS),
            design=expand("{out}/analysis/{set}.design.json", out=OUT, set=SETS),
            flow=expand("{out}/analysis/{set}.flow.json", out=OUT, set=SETS),
            adequacy=f"{OUT}/adequacy.json" if "perceived" in SETS else [],
        log:
            f"{OUT}/logs/design/{NAME}.log",
        benchmark:
            f"{OUT}/benchmarks/design/{NAME}.tsv"
        priority: int(NAME in ("primary", "perceived"))  # the estimands wait for these
        group:
            PREPARE
        resources:
            mem_mb=megabytes(PLAN.raw, *BUILT),
            runtime=minutes(PLAN.raw, *BUILT),
        params:
            config=CONFIG,
            sets=SETS,
            stages=BUILT,
            code=[fingerprint("design"), fingerprint("fit") if "fit" in BUILT else ""],
            settings=PLAN.settings(
                "outcome",
                "comparison",
                "pair",
                "growth",
                "session_to_session",
                "mediation",
                "moderation",
                "clinical_change",
                "response_surface",
                "style_transitions",
                "study",
            ),
        script:
            "../scripts/design.py"
