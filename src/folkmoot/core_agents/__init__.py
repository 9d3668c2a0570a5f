"""Driver, who has work done; Creator, who researches; Generator, who makes agents; and the agents they make."""
