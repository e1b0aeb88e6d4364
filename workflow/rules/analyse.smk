# The paper's analyses on the reconstructed cohort.


rule analyse:
    input:
        card=CARD,
        cohort=f"{STUDY}/cohort",
        reconstruction=f"{STUDY}/reconstruction.json",
        lock=LOCK,
    output:
        analysis=f"{STUDY}/analysis.json",
    log:
        f"{LOG}/analyse.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        code=code("analysis"),
    shell:
        stage(
            "recohort analyse {input.card} --cohort {input.cohort}"
            " --reconstruction {input.reconstruction} --json {output.analysis} > /dev/null",
            name="analyse",
        )
