"""Networks, and the one trainer that trains them from scratch."""
