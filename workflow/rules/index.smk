# The index over all studies, and what the run was made with.


rule index:
    input:
        cards=expand(CARD, study=SETTINGS.studies),
        comparisons=expand(f"{STUDY}/comparison.csv", study=SETTINGS.studies),
        reports=expand(f"{STUDY}/report.html", study=SETTINGS.studies),
        lock=LOCK,
    output:
        comparison=f"{RESULTS}/comparison.csv",
        page=f"{RESULTS}/index.html",
        provenance=f"{RESULTS}/provenance.json",
    log:
        f"{RESULTS}/logs/index.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        code=code("present"),
        results=subpath(output.page, parent=True),
        studies=SETTINGS.studies,
        cards=lambda _, input: Path(input.cards[0]).parent,
        seed=SETTINGS.seed,
    # What it prints is the end of the run: a line a study, and the page to open.
    shell:
        stage(
            "recohort index --results {params.results} --studies {params.studies}"
            " --cards {params.cards} --seed {params.seed}",
            name="index",
        )
