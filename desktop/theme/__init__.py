"""How the window looks: colours, and the style sheet made of them."""
