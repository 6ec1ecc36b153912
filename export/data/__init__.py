"""Pictures, their labels, and the tiles that are cut from them."""
