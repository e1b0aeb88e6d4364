# The whole pipeline: one study card in, one page a study and an index out.
#
#   study card ─▶ audit ─▶ reconstruct ─▶ analyse ─▶ compare ─▶ present ─▶ index
#                              └────────▶ replicate ──▲
#
# Every rule is one `recohort …` command line; what it writes is named in its outputs.
from snakemake.utils import min_version

min_version("9.19")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"


rule all:
    default_target: True
    input:
        f"{RESULTS}/comparison.csv",
        f"{RESULTS}/index.html",
        f"{RESULTS}/provenance.json",
        expand(f"{RESULTS}/{{study}}/report.html", study=SETTINGS.studies),


include: "workflow/rules/audit.smk"
include: "workflow/rules/reconstruct.smk"
include: "workflow/rules/leave_one_out.smk"
include: "workflow/rules/analyse.smk"
include: "workflow/rules/replicate.smk"
include: "workflow/rules/compare.smk"
include: "workflow/rules/present.smk"
include: "workflow/rules/index.smk"
