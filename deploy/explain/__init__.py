"""`cordon explain`: why an alert stands, what spoke against it, what its id is made of."""
