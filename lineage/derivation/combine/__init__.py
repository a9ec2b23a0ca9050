"""From all evidence about a child to its edges: what is declared, and what the weights say of it."""
