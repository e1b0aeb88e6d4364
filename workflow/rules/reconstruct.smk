# Which cohort would print these numbers?


rule reconstruct:
    input:
        card=CARD,
        audit=f"{STUDY}/audit.json",
        lock=LOCK,
    output:
        cohort=directory(f"{STUDY}/cohort"),
        conditioned=f"{STUDY}/conditioned.parquet",
        reconstruction=f"{STUDY}/reconstruction.json",
    log:
        f"{LOG}/reconstruct.log",
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        code=code("reconstruct"),
        out=subpath(output.reconstruction, parent=True),
        seed=SETTINGS.seed,
        conditioned=SETTINGS.conditioned,
    shell:
        stage(
            "recohort reconstruct {input.card} --audit {input.audit} --out {params.out}"
            " --seed {params.seed} --conditioned {params.conditioned} --threads {threads}"
            " > /dev/null",
            name="reconstruct",
        )
