# bowlby: from a study's raw files to a verdict. This file is a table of contents.
import sys
from snakemake.utils import min_version
from bowlby.errors import UserError
from bowlby.fingerprint import fingerprint
from bowlby.plan import plan
from bowlby.resources import megabytes, minutes
from bowlby.run_marker import claim

min_version("9.19")

# One run, one file: --configfile would be merged into this one, so it is read only where none is given. A workflow that
# uses this one as a module names the file by `config: {"run_file": ...}` (docs/module.md).
if not {"study", "run_file"} & set(config):

    configfile: "config/config.yaml"


try:
    PLAN = plan(config.get("run_file") or workflow.configfiles[-1])
except UserError as error:
    print(*error.lines(), sep="\n", file=sys.stderr)
    sys.exit(error.status)

CONFIG = lambda wildcards: str(PLAN.loaded.path)  # a function, because braces in a text would be wildcards
OUT = str(PLAN.folder)

# Jobs that a cluster runs as one (a small study is quicker done than queued several times); batches of robustness that
# are jobs of their own stand between two such groups.
PREPARE, CONCLUDE = ("prepare", "conclude") if PLAN.apart else ("study", "study")


report: "workflow/report/run.rst"


include: "workflow/rules/stages.smk"
include: "workflow/rules/decide.smk"
include: "workflow/rules/present.smk"
include: "workflow/rules/jobs.smk"
include: "workflow/rules/robustness.smk"


rule all:
    default_target: True
    input:
        f"{OUT}/report.html",
        f"{OUT}/manifest.json",
        TABLES,  # made again where one is lost
        DICTIONARY,
        SCORE_DICTIONARY,


onstart:
    from bowlby.report import unfinished

    claim(OUT, PLAN.digest)
    unfinished.begin(OUT, workflow.dag.needrun_jobs())


onsuccess:
    from bowlby.reproduction.checksums import write_checksums

    write_checksums(OUT)


onerror:
    from functools import partial
    from bowlby.manifest import write_manifest
    from bowlby.report import unfinished

    unfinished.stop(OUT, workflow.dag.needrun_jobs(), partial(write_manifest, PLAN))
