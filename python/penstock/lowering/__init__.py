"""From torch's and torchvision's objects to native plans, or to the reasons why there is none.

`lower` reads a loader, `datasets` and `places` say where its pictures are, `transforms` makes plans, `known`,
`targets` and `verify` decide what may be trusted, `report` tells about it.
"""
