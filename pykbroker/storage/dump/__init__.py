"""What files of logs hold, damage included, for tools: nothing raises for their contents."""
