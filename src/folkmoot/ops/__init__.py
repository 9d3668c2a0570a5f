"""Operations: is it alive, is it ready, what is it made of and how is it doing."""
