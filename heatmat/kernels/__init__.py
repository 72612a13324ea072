"""Taichi kernels: one idea a file, no NumPy, no Scenario.

Everything a kernel needs arrives as an argument; module-level numbers are compiled in and are
therefore structure (sizes, codes), never physics.
"""
