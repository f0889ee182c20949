"""`kubectl ferrite`: shows, explains and plans with the daemons' own functions."""
