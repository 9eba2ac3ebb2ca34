"""Every way a call can fail, made for real: sockets, certificates, names, and the simulators' own faults."""
