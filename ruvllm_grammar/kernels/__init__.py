"""Hot loops: pure functions of arrays and integers, compiled by numba, importing nothing of ours.

`layout` holds the shared constants and array descriptions and is cheap to import; `structure` and `rows`
compile on first import on a machine (some seconds) and load from numba's cache afterwards. Nothing imports
them before the first grammar is compiled. Every kernel is compared with an obvious loop in the tests.
"""
