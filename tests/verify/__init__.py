"""The code run over the real data that lies beside the project; nothing of it is copied here."""
