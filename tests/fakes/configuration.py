"""Which field of `ConfigObjects` takes the objects of a kind."""

FIELDS = {
    "IPAddressPool": "pools",
    "L2Advertisement": "l2_advertisements",
    "BGPAdvertisement": "bgp_advertisements",
    "BGPPeer": "peers",
    "BFDProfile": "bfd_profiles",
    "Community": "communities",
}
