# Number by number: how does what was printed stand to what was obtained?


rule compare:
    input:
        card=CARD,
        audit=f"{STUDY}/audit.json",
        reconstruction=f"{STUDY}/reconstruction.json",
        analysis=f"{STUDY}/analysis.json",
        conditioned=f"{STUDY}/conditioned.parquet",
        replicates=f"{STUDY}/replicates.parquet",
        lock=LOCK,
    output:
        comparison=f"{STUDY}/comparison.csv",
    log:
        f"{LOG}/compare.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        code=code("compare"),
    shell:
        stage(
            "recohort compare {input.card} --audit {input.audit}"
            " --reconstruction {input.reconstruction} --analysis {input.analysis}"
            " --conditioned {input.conditioned} --replicates {input.replicates}"
            " --out {output.comparison} > /dev/null",
            name="compare",
        )
