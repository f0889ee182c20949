"""The speaker: makes assigned addresses reachable from its node, by layer 2 and by BGP."""
