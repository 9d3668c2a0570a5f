"""Scripts of the repository itself: they install, lock and document; the product imports none of them."""
