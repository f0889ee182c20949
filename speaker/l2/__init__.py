"""Layer 2: answering ARP and NDP for announced addresses, and announcing them unasked at take-over."""
