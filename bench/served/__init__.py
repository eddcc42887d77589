"""What bench/service.py measures, and with what."""
