"""Image services: the contract, OpenAI over HTTP, and the offline stand-in."""
