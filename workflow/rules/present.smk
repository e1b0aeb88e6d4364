# Figures, tables and the page of a study.


rule present:
    input:
        card=CARD,
        audit=f"{STUDY}/audit.json",
        cohort=f"{STUDY}/cohort",
        reconstruction=f"{STUDY}/reconstruction.json",
        analysis=f"{STUDY}/analysis.json",
        conditioned=f"{STUDY}/conditioned.parquet",
        replicates=f"{STUDY}/replicates.parquet",
        comparison=f"{STUDY}/comparison.csv",
        left_out=[f"{STUDY}/leave_one_out.csv"] if SETTINGS.leave_one_out else [],
        lock=LOCK,
    output:
        figures=directory(f"{STUDY}/figures"),
        tables=directory(f"{STUDY}/tables"),
        report=f"{STUDY}/report.html",
    log:
        f"{LOG}/present.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("present"),
        results=subpath(output.report, parent=True),
        left_out=lambda _, input: f" --leave-one-out {input.left_out}" if input.left_out else "",
    shell:
        stage(
            "recohort present {input.card} --results {params.results}{params.left_out} > /dev/null",
            name="present",
        )
