"""BGP: which routes go to which peer (pure), and GoBGP kept equal to that."""
