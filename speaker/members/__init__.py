"""Membership: which nodes' speakers are alive, and whether this one may still believe that it is."""
