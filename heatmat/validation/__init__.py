"""Evidence: HeatMat against closed forms, other engines and measurements.

Each study is a function of one module that returns an `Outcome`; `heatmat.validation.studies` lists
them and `heatmat.validation.page` writes the page. Everything here goes through what users use.
"""
