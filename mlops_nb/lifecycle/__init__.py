"""Models in their periods: promotion, decisions, challengers, and the record of them."""
