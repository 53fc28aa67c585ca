"""Small widgets that both panels are made of."""
