"""Networks that segment by clicks: made-up and real scenes, simulated users, and the runs that train on them."""
