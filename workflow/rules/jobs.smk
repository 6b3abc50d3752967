# One job a stage; of a small study one job a part of the run, because a job costs its start-up.
from bowlby.steps import code


def jobs():
    """Names of stages by name of the job that makes them."""
    if not PLAN.small:
        return {name: [name] for name in STAGES}
    parts = {}
    for name, stage in STAGES.items():
        part = "analyse" if stage.part == "decide" and not PLAN.apart else stage.part
        parts.setdefault(part, []).append(name)
    return parts


for NAME, MADE in jobs().items():
    PARTS = [STAGES[name] for name in MADE]
    TURNS = sorted({part.turn for part in PARTS})
    STEPS = [
        [[task for part in PARTS if part.turn == turn for task in part.steps] for turn in TURNS if turn[0] == first]
        for first in dict.fromkeys(turn[0] for turn in TURNS)
    ]
    OUTPUTS = [file for part in PARTS for file in part.outputs]
    FILES = {str(file) for file in OUTPUTS}

    rule:
        name:
            NAME
        input:
            [file for file in dict.fromkeys(str(file) for part in PARTS for file in part.inputs) if file not in FILES],
        output:
            OUTPUTS,
        log:
            f"{OUT}/logs/{NAME}.log",
        benchmark:
            f"{OUT}/benchmarks/{NAME}.tsv"
        priority: max(part.priority for part in PARTS)
        group:
            PREPARE if PARTS[0].part in ("ingest_and_score", "analyse") or NAME == "write_manifest" else CONCLUDE
        threads: max(*(part.threads for part in PARTS), *map(len, STEPS))
        resources:
            mem_mb=megabytes(PLAN.raw, *(part.need for part in PARTS)),
            runtime=minutes(PLAN.raw, *(part.need for part in PARTS)),
        params:
            config=CONFIG,
            steps=STEPS,
            code=code(step for part in PARTS for step in part.steps),
            data=PLAN.checksums() if any(part.raw for part in PARTS) else {},
            settings=[PLAN.settings(*part.settings) for part in PARTS if part.settings],
        script:
            "../scripts/stages.py"
