"""The study card: one YAML file that says what a paper printed and how its data were laid out."""
