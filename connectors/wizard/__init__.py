"""What setting a connection up takes: credentials that work, choices from the ESP, and goals made of them."""
