"""The graph in Neo4j, for teams."""
