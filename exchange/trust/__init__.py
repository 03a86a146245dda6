"""Keys, certificates, sealing and opening: the only room that imports cryptography."""
