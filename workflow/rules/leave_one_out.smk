# Do a paper's other numbers foretell this one? Asked of each number, where the configuration asks.


rule leave_one_out:
    input:
        card=CARD,
        audit=f"{STUDY}/audit.json",
        reconstruction=f"{STUDY}/reconstruction.json",
        lock=LOCK,
    output:
        left_out=f"{STUDY}/leave_one_out.csv",
    log:
        f"{LOG}/leave_one_out.log",
    conda:
        "../../environment.yml"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=720,
    params:
        code=code("reconstruct"),
        seed=SETTINGS.seed,
        cohorts=SETTINGS.leave_one_out,
    shell:
        stage(
            "recohort leave-one-out {input.card} --audit {input.audit}"
            " --reconstruction {input.reconstruction} --seed {params.seed}"
            " --cohorts {params.cohorts} --threads {threads} --out {output.left_out}"
            " > /dev/null",
            name="leave_one_out",
        )
