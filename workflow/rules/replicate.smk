# If the study were run again under the same truth, how would its results scatter?


rule replicate:
    input:
        card=CARD,
        cohort=f"{STUDY}/cohort",
        reconstruction=f"{STUDY}/reconstruction.json",
        lock=LOCK,
    output:
        replicates=f"{STUDY}/replicates.parquet",
    log:
        f"{LOG}/replicate.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        code=code("replicate"),
        seed=SETTINGS.seed,
        replicates=SETTINGS.replicates,
    shell:
        stage(
            "recohort replicate {input.card} --reconstruction {input.reconstruction}"
            " --cohort {input.cohort} --replicates {params.replicates} --seed {params.seed}"
            " --threads {threads} --out {output.replicates} > /dev/null",
            name="replicate",
        )
