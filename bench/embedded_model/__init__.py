"""The embedded model: data, tokenizer, training, export and evaluation, all of it made here.

Purpose: a Llama of 1 to 5 million parameters that picks tools and fills schemas well enough for answers to mean
something, on a machine without a network. `python -m bench.embedded_model --help` lists the steps; README.md tells
the whole way.

Everything is synthetic and seeded, so nothing is downloaded and no text is anybody else's. The data has two sides,
`train` and `held`; `split.py` decides for every word, number and phrase which side it is on.
"""
