"""From torch's and torchvision's objects to native plans, or to the reasons why there is none.

`lower` reads a loader, `datasets`, `folders` and `readers` say where its images are, `gather` collects a batch of
them, `transforms` makes plans, `known`, `targets`, `pillow` and `verify` decide what may be trusted, `report` tells
about it.
"""
