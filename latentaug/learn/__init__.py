"""What is learned, in torch: networks, objectives, geometries, and the loop that trains them."""
