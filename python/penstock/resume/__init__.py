"""Going on in the middle of an epoch: what `state_dict` and `load_state_dict` of a loader do.

`course.py` is what is known of an iterator, `order.py` of its sampler, `workers.py` runs in worker processes and
`iterators.py` beside them; `loaders.py` puts states together and takes them.
"""
