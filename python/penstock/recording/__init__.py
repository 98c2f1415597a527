"""Images that record: native pixels for code that cannot be read in advance.

torch's own workers run the user's own code, unmodified, on images that write down what is asked of them. What is
written down goes to the caller's process, where Rust threads make the pixels. Whatever looks at a pixel makes the
image a real one on the spot, so nothing has to be known about the code.

The way of a sample: `hooks` give `Image.open` another factory, `sources` look through the file, `images` and
`tensors` record (what was done to a value is a `chain`), `tickets` travel, `rendering` makes pixels of them, and
`iterators` put all that into torch's own.
"""
