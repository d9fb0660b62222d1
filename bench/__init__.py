"""Benchmarks: this project beside its peers, in one run. `python -m bench` runs them; see README.md."""
