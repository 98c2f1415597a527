"""Operations on images: one file an operation, listed once, in `table`.

What there is to know of an operation stands in its file: which transforms of torchvision's it is and how these are
lowered, which calls on recording images and tensors are written down as its steps, how the library itself takes such
a step, and examples. What it draws and does to pixels is native, under the same name.
"""
