"""The editors' clients, as far as no editor is needed to check them."""
