# Can these numbers all be true together?


rule audit:
    input:
        card=CARD,
        lock=LOCK,
    output:
        audit=f"{STUDY}/audit.json",
    log:
        f"{LOG}/audit.log",
    # All audits first: a card with an error is then reported in the first seconds.
    priority: 10
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        code=code("audit"),
    shell:
        stage(
            "recohort audit {input.card} --json {output.audit} --quiet > /dev/null",
            name="audit",
        )
