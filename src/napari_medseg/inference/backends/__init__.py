"""Ways to run a network on the processor: torch, and libraries that compile it for the machine at hand.

Which of them is fastest differs between processors and networks, so it is tried out once for each network and shape of
window, by `choice`, and remembered.
"""
