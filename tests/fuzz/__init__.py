"""Every documented operation with generated calls, against a real server: `python3 -m tests.fuzz --cases 10000`."""
