"""Other people's models: read as data, translated to a card and safetensors, never run as code.

A MONAI bundle, an nnU-Net result folder or a network in one file becomes one of the user's models like any other, so
the same engine runs it. What was read is told first, as an `Offer`; only then is anything installed.
"""
